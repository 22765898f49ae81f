/**
 * Where tiles go: rectangles for each kind of layout. Pure geometry: all coordinates even, widths
 * multiples of what the scaler writes; later rectangles lie over earlier ones.
 */

import type { Rect } from '../../protocol/tile-geometry.js';
import { evenDown, TILE_WIDTH_ALIGN } from '../../protocol/tile-geometry.js';
import { type GridOptions, gridLayout } from './grid-layout.js';

/** Tiles beside a large one, at most. */
export const STRIP_TILES = 6;
/** Share of the canvas' shorter way that the strip takes. */
const STRIP_SHARE = 0.2;
/** Of the canvas' width, for a picture in the picture. */
const INSET_SHARE = 0.25;
const ASPECT = 16 / 9;

const aligned = (value: number) =>
  Math.max(TILE_WIDTH_ALIGN, Math.floor(value / TILE_WIDTH_ALIGN) * TILE_WIDTH_ALIGN);

/**
 * One large tile, first, and a strip of the others: below it, or beside it where the canvas is
 * high. One tile alone fills the canvas.
 * @param count tiles in all; those beyond the strip have no rectangle.
 */
export function speakerLayout(count: number, options: GridOptions): Rect[] {
  if (count <= 1) return gridLayout(count, options);
  const { stage, strip } = stageAndStrip(Math.min(count - 1, STRIP_TILES), options);
  if (options.width < options.height) return [stage, ...strip];
  const width = aligned(Math.min(stage.width, stage.height * ASPECT));
  const large = { ...stage, x: evenDown((options.width - width) / 2), width };
  return [large, ...strip];
}

/** The strip's tiles are as large as fit into its height and share the width. */
function stripTiles(strip: number, width: number, room: number, gap: number) {
  const most = (width - gap * (strip + 1)) / Math.max(1, strip);
  const tileWidth = aligned(Math.min(most, room * ASPECT));
  const tileHeight = evenDown(Math.min(room, (tileWidth * 3) / 4));
  const total = strip * tileWidth + (strip - 1) * gap;
  return { tileWidth, tileHeight, left: evenDown((width - total) / 2) };
}

/** Where the large ones may be, and the tiles of the strip. */
interface Stage {
  readonly stage: Rect;
  readonly strip: readonly Rect[];
}

/** On a high canvas the strip comes first, like on a phone; else it is below. */
function stageAndStrip(strip: number, { width, height, gap }: GridOptions): Stage {
  const room = evenDown(height * STRIP_SHARE);
  const { tileWidth, tileHeight, left } = stripTiles(strip, width, room, gap);
  const taken = strip === 0 ? 0 : evenDown(tileHeight + gap);
  const below = width >= height;
  const stageWidth = aligned(width - 2 * gap);
  const stage = {
    x: evenDown((width - stageWidth) / 2),
    y: below ? gap : gap + taken,
    width: stageWidth,
    height: evenDown(height - 2 * gap - taken),
  };
  const y = below ? height - gap - tileHeight : gap;
  return { stage, strip: rowOf(strip, left, y, tileWidth, tileHeight, gap) };
}

/**
 * Shared screens large, side by side (one over the other on a high canvas), then people in a strip.
 * @param people those beyond the strip have no rectangle.
 */
export function presentationLayout(screens: number, people: number, options: GridOptions): Rect[] {
  const { stage, strip } = stageAndStrip(Math.min(people, STRIP_TILES), options);
  const { width, height, gap } = options;
  const beside = width >= height;
  const each = {
    width: beside ? aligned((stage.width - (screens - 1) * gap) / screens) : stage.width,
    height: beside ? stage.height : evenDown((stage.height - (screens - 1) * gap) / screens),
  };
  const large = Array.from({ length: screens }, (_, index) => ({
    x: stage.x + (beside ? index * (each.width + gap) : 0),
    y: stage.y + (beside ? 0 : index * (each.height + gap)),
    ...each,
  }));
  return [...large, ...strip];
}

function rowOf(
  count: number,
  left: number,
  y: number,
  width: number,
  height: number,
  gap: number,
): Rect[] {
  return Array.from({ length: count }, (_, index) => ({
    x: left + index * (width + gap),
    y: evenDown(y),
    width,
    height,
  }));
}

/** One tile fills the canvas, a second lies over its corner; the others have none. */
export function pictureInPictureLayout(count: number, options: GridOptions): Rect[] {
  const { width, height, gap } = options;
  const whole = { x: 0, y: 0, width, height };
  if (count <= 1) return gridLayout(count, options);
  const insetWidth = aligned(width * INSET_SHARE);
  const insetHeight = evenDown(Math.min(insetWidth / ASPECT, height * INSET_SHARE * 1.5));
  const inset = {
    x: evenDown(width - insetWidth - 2 * gap),
    y: evenDown(height - insetHeight - 2 * gap),
    width: insetWidth,
    height: insetHeight,
  };
  return [whole, inset];
}

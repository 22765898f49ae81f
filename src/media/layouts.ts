/**
 * Where tiles go: rectangles for each kind of layout. Pure geometry: all coordinates even, widths
 * multiples of what the scaler writes; later rectangles lie over earlier ones.
 */
import type { Rect } from './ffmpeg/picture.js';
import { SCALER_WIDTH_ALIGN } from './ffmpeg/scaler.js';
import { evenDown, type GridOptions, gridLayout } from './grid-layout.js';

/** Tiles beside a large one, at most. */
export const STRIP_TILES = 6;
/** Share of the canvas' shorter way that the strip takes. */
const STRIP_SHARE = 0.2;
/** Of the canvas' width, for a picture in the picture. */
const INSET_SHARE = 0.25;
const ASPECT = 16 / 9;

const aligned = (value: number) =>
  Math.max(SCALER_WIDTH_ALIGN, Math.floor(value / SCALER_WIDTH_ALIGN) * SCALER_WIDTH_ALIGN);

/**
 * One large tile, first, and a strip of the others: below it, or beside it where the canvas is
 * high. One tile alone fills the canvas.
 * @param count tiles in all; those beyond the strip have no rectangle.
 */
export function speakerLayout(count: number, options: GridOptions): Rect[] {
  const { width, height, gap } = options;
  if (count <= 1) return gridLayout(count, options);
  const strip = Math.min(count - 1, STRIP_TILES);
  return width >= height
    ? withStripBelow(strip, width, height, gap)
    : withStripAbove(strip, width, height, gap);
}

/** The strip's tiles are as large as fit into its height and share the width. */
function stripTiles(strip: number, width: number, room: number, gap: number) {
  const tileWidth = aligned(Math.min((width - gap * (strip + 1)) / strip, room * ASPECT));
  const tileHeight = evenDown(Math.min(room, (tileWidth * 3) / 4));
  const total = strip * tileWidth + (strip - 1) * gap;
  return { tileWidth, tileHeight, left: evenDown((width - total) / 2) };
}

function withStripBelow(strip: number, width: number, height: number, gap: number): Rect[] {
  const room = evenDown(height * STRIP_SHARE);
  const { tileWidth, tileHeight, left } = stripTiles(strip, width, room, gap);
  const largeHeight = evenDown(height - tileHeight - 3 * gap);
  const largeWidth = aligned(Math.min(width - 2 * gap, largeHeight * ASPECT));
  const large = {
    x: evenDown((width - largeWidth) / 2),
    y: gap,
    width: largeWidth,
    height: largeHeight,
  };
  return [large, ...rowOf(strip, left, height - gap - tileHeight, tileWidth, tileHeight, gap)];
}

/** On a high canvas the others come first, like on a phone. */
function withStripAbove(strip: number, width: number, height: number, gap: number): Rect[] {
  const { tileWidth, tileHeight, left } = stripTiles(
    strip,
    width,
    evenDown(height * STRIP_SHARE),
    gap,
  );
  const top = evenDown(tileHeight + 2 * gap);
  const large = {
    x: evenDown((width - aligned(width - 2 * gap)) / 2),
    y: top,
    width: aligned(width - 2 * gap),
    height: evenDown(height - top - gap),
  };
  return [large, ...rowOf(strip, left, gap, tileWidth, tileHeight, gap)];
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

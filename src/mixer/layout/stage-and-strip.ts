/** Geometry of the modes with a stage for what is large and a strip of small tiles beside it. */
import type { Rect } from '../../protocol/tile-geometry.js';
import { evenDown } from '../../protocol/tile-geometry.js';
import { alignedWidth } from './aligned-width.js';
import type { LayoutCanvas } from './layout.js';

/** Tiles in a strip, at most. */
export const STRIP_TILES = 6;
/** Share of the canvas' height that the strip takes. */
const STRIP_SHARE = 0.2;
const ASPECT = 16 / 9;

export interface StageAndStrip {
  /** Room for one or more large tiles. */
  readonly stage: Rect;
  /** The small tiles, from left to right. */
  readonly strip: readonly Rect[];
}

/** The strip is below the stage; on a canvas that is higher than wide (a phone) it is above. */
export function stageAndStrip(strip: number, { width, height, gap }: LayoutCanvas): StageAndStrip {
  const room = evenDown(height * STRIP_SHARE);
  const { tileWidth, tileHeight, left } = stripTile(strip, width, room, gap);
  const taken = strip === 0 ? 0 : evenDown(tileHeight + gap);
  const isBelow = width >= height;
  const stageWidth = alignedWidth(width - 2 * gap);
  const stage = {
    x: evenDown((width - stageWidth) / 2),
    y: isBelow ? gap : gap + taken,
    width: stageWidth,
    height: evenDown(height - 2 * gap - taken),
  };
  const y = evenDown(isBelow ? height - gap - tileHeight : gap);
  const rects = Array.from({ length: strip }, (_, index) => ({
    x: left + index * (tileWidth + gap),
    y,
    width: tileWidth,
    height: tileHeight,
  }));
  return { stage, strip: rects };
}

/** Size of the strip's tiles and the left edge of the first: they share the width, centred. */
function stripTile(strip: number, width: number, room: number, gap: number) {
  const share = (width - gap * (strip + 1)) / Math.max(1, strip);
  const tileWidth = alignedWidth(Math.min(share, room * ASPECT));
  const tileHeight = evenDown(Math.min(room, (tileWidth * 3) / 4));
  const total = strip * tileWidth + (strip - 1) * gap;
  return { tileWidth, tileHeight, left: evenDown((width - total) / 2) };
}

/** What the compositor and a client that follows it must reckon alike: rectangles, and how they move. */
import type { Micros } from '../util/units.js';

/** In whole pixels. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * swscale writes rows in blocks: a destination whose width is no multiple of this overruns its
 * right edge by up to one block (measured with FFmpeg 8.1). Every destination rectangle must keep it.
 */
export const TILE_WIDTH_ALIGN = 16;

/** A camera's picture that is enlarged by no more than this still covers its tile. */
const MAX_ENLARGED = 1.1;

/** How long tiles take from one place to another. */
export const TRANSITION: Micros = 200_000;

/** The even number at or below. */
export function evenDown(value: number): number {
  return Math.floor(value / 2) * 2;
}

/** Whether a camera's picture is as large as a tile asks for; a larger layer of it is of no use then. */
export function coversTile(
  picture: { readonly width: number; readonly height: number },
  tile: { readonly width: number; readonly height: number },
): boolean {
  return tile.width <= picture.width * MAX_ENLARGED && tile.height <= picture.height * MAX_ENLARGED;
}

export function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** Cubic, slow at both ends; 0 to 1. */
function eased(elapsed: Micros): number {
  const t = Math.min(1, Math.max(0, elapsed / TRANSITION));
  return t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
}

/** Where a tile is so long after it began to move. Coordinates are even, widths aligned. */
export function rectBetween(from: Rect, to: Rect, elapsed: Micros): Rect {
  if (elapsed >= TRANSITION) return to;
  const share = eased(elapsed);
  const mix = (a: number, b: number) => a + (b - a) * share;
  const width = Math.floor(mix(from.width, to.width) / TILE_WIDTH_ALIGN + 1e-6) * TILE_WIDTH_ALIGN;
  const right = evenDown(mix(from.x + from.width, to.x + to.width) + 1);
  return {
    // The right edge moves evenly though widths come in steps, within what both ends have.
    x: Math.max(Math.min(from.x, to.x), right - width),
    y: evenDown(mix(from.y, to.y) + 1e-6),
    width,
    height: Math.max(2, evenDown(mix(from.height, to.height) + 1e-6)),
  };
}

/** What two rectangles share; not positive in a side if that is nothing. */
export function rectMeet(a: Rect, b: Rect): Rect {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  return {
    x,
    y,
    width: Math.min(a.x + a.width, b.x + b.width) - x,
    height: Math.min(a.y + a.height, b.y + b.height) - y,
  };
}

/** The rest of `a` without `b`, in rectangles that do not overlap. */
export function rectWithout(a: Rect, b: Rect): Rect[] {
  if (!overlap(a, b)) return [a];
  const { x, y, width, height } = rectMeet(a, b);
  const parts = [
    { x: a.x, y: a.y, width: a.width, height: y - a.y },
    { x: a.x, y: y + height, width: a.width, height: a.y + a.height - y - height },
    { x: a.x, y, width: x - a.x, height },
    { x: x + width, y, width: a.x + a.width - x - width, height },
  ];
  return parts.filter((part) => part.width > 0 && part.height > 0);
}

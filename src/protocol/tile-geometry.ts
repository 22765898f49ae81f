/**
 * Rectangles of tiles, and how they move. The compositor draws with these functions, and a client that
 * follows the tiles computes with them too. No typebox: the client uses them.
 */

/** In pixels, or in fractions of the composite. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Widths of tiles are multiples of this, in pixels. swscale writes rows in blocks: with another width
 * it writes up to one block beyond the right edge (measured with FFmpeg 8.1).
 */
export const TILE_WIDTH_ALIGN = 16;

/** A camera's picture may be enlarged by this factor and is still sharp enough for its tile. */
const MAX_ENLARGED = 1.1;

/** How long a tile moves from one place to another, in microseconds. */
export const TRANSITION = 200_000;

/** The largest even number that is not above `value`. */
export function evenDown(value: number): number {
  return Math.floor(value / 2) * 2;
}

/** Whether a camera's picture is large enough for a tile. A larger simulcast layer is not needed then. */
export function coversTile(
  picture: { readonly width: number; readonly height: number },
  tile: { readonly width: number; readonly height: number },
): boolean {
  return tile.width <= picture.width * MAX_ENLARGED && tile.height <= picture.height * MAX_ENLARGED;
}

export function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** The part of the way that is done, from 0 to 1: cubic, slow at both ends. */
function eased(elapsed: number): number {
  const t = Math.min(1, Math.max(0, elapsed / TRANSITION));
  return t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
}

/**
 * Where a moving tile is, in pixels. Coordinates are even, widths are multiples of TILE_WIDTH_ALIGN.
 * @param elapsed microseconds since it started to move.
 */
export function rectBetween(from: Rect, to: Rect, elapsed: number): Rect {
  if (elapsed >= TRANSITION) return to;
  const share = eased(elapsed);
  const mix = (a: number, b: number) => a + (b - a) * share;
  const width = Math.floor(mix(from.width, to.width) / TILE_WIDTH_ALIGN + 1e-6) * TILE_WIDTH_ALIGN;
  const right = evenDown(mix(from.x + from.width, to.x + to.width) + 1);
  return {
    // Widths come in steps. Compute x from the right edge, so that this edge moves smoothly.
    x: Math.max(Math.min(from.x, to.x), right - width),
    y: evenDown(mix(from.y, to.y) + 1e-6),
    width,
    height: Math.max(2, evenDown(mix(from.height, to.height) + 1e-6)),
  };
}

/** The intersection of two rectangles. A width or height of 0 or less means that they do not overlap. */
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

/** What is left of `a` without `b`, as rectangles that do not overlap. */
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

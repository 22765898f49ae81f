import { TILE_WIDTH_ALIGN } from '../../protocol/tile-geometry.js';

/**
 * The width that a tile can have within `width` pixels: a multiple of TILE_WIDTH_ALIGN, never 0.
 */
export function alignedWidth(width: number): number {
  return Math.max(TILE_WIDTH_ALIGN, Math.floor(width / TILE_WIDTH_ALIGN) * TILE_WIDTH_ALIGN);
}

/** Reads the numbers of the fixtures' frames in the tiles of a composite. */
import type { Picture } from '../src/codecs/ffmpeg/picture.js';
import { gridRects } from '../src/mixer/layout/grid.js';
import { BARCODE } from './fixtures.js';

export const CANVAS = { width: 1280, height: 720 } as const;
const GAP = 8;
/** The server's tiles for a number of people. */
export const tilesOf = (count: number) => gridRects(count, { ...CANVAS, gap: GAP });

/** The number in the barcode of tile `index` of `count` of a composite of {@link CANVAS}' size, or -1. */
export function readBarcode(picture: Picture, count: number, index: number): number {
  const tile = tilesOf(count)[index];
  if (!tile) return -1;
  // Tiles are cut to their shape, from the middle.
  const scale = Math.max(tile.width / CANVAS.width, tile.height / CANVAS.height);
  const at = (share: number, of: number, size: number) => size / 2 + (share - 0.5) * of * scale;
  const y = Math.round(tile.y + at(BARCODE.top + BARCODE.height / 2, CANVAS.height, tile.height));
  const luma = picture.planes[0] as Buffer;
  const stride = picture.strides[0] as number;
  let gray = 0;
  for (let bit = 0; bit < BARCODE.bits; bit++) {
    const share = BARCODE.left + (bit + 0.5) * BARCODE.cell;
    const value = luma[y * stride + Math.round(tile.x + at(share, CANVAS.width, tile.width))] ?? 0;
    if (value > 90 && value < 165) return -1;
    if (value >= 165) gray |= 1 << bit;
  }
  let code = 0;
  for (let rest = gray; rest; rest >>= 1) code ^= rest;
  return code;
}

/** Turns pictures upright while they are drawn into a canvas. */

import type { Rect } from '../../protocol/tile-geometry.js';
import type { Rotation } from '../../rtp/rotation.js';
import type { Picture } from './picture.js';

/**
 * Draws a whole picture into a rectangle (even coordinates) of another one, turned clockwise. The
 * sizes may differ by some pixels: then some rows or columns are left out.
 */
export function drawRotated(from: Picture, into: Picture, rect: Rect, rotation: Rotation): void {
  const [sources, targets] = [from.planes, into.planes];
  for (let plane = 0; plane < 3; plane++) {
    const shift = plane === 0 ? 0 : 1;
    const source = sources[plane] as Buffer;
    const target = targets[plane] as Buffer;
    const stride = from.strides[plane] as number;
    const targetStride = into.strides[plane] as number;
    const [width, height] = [rect.width >> shift, rect.height >> shift];
    const [sourceWidth, sourceHeight] = [from.width >> shift, from.height >> shift];
    const isSideways = rotation !== 180;
    // The source column (or row) of each row (or column) of the upright picture.
    const along = Int32Array.from({ length: isSideways ? height : width }, (_, i) =>
      Math.floor(((i + 0.5) * sourceWidth) / (isSideways ? height : width)),
    );
    const across = Int32Array.from({ length: isSideways ? width : height }, (_, i) =>
      Math.floor(((i + 0.5) * sourceHeight) / (isSideways ? width : height)),
    );
    for (let y = 0; y < height; y++) {
      let to = ((rect.y >> shift) + y) * targetStride + (rect.x >> shift);
      if (rotation === 180) {
        const row = (sourceHeight - 1 - (across[y] as number)) * stride;
        for (let x = 0; x < width; x++, to++) {
          target[to] = source[row + sourceWidth - 1 - (along[x] as number)] as number;
        }
        continue;
      }
      const column = along[y] as number;
      for (let x = 0; x < width; x++, to++) {
        const row = across[x] as number;
        const at =
          rotation === 90
            ? (sourceHeight - 1 - row) * stride + column
            : row * stride + sourceWidth - 1 - column;
        target[to] = source[at] as number;
      }
    }
  }
}

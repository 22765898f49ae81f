/**
 * Converts pictures of other colour spaces to that of the canvas: BT.601, limited range. node-av
 * cannot set swscale's own matrices. Grey stays grey, so each new luma sample is the sum of three
 * table look-ups: one for the luma and one for each chroma sample.
 */

import type { Rect } from '../../protocol/tile-geometry.js';
import { BT601, type ColourSpace } from '../../rtp/colour-space.js';
import type { Picture } from './picture.js';

/** Weights of red and blue in luma (ITU-R BT.601-7, 2.5.1; BT.709-6, 3.2). */
const WEIGHTS = { bt601: [0.299, 0.114], bt709: [0.2126, 0.0722] } as const;

interface Tables {
  readonly luma: Float32Array;
  /** What a chroma sample adds to luma and to both chroma samples. */
  readonly fromU: readonly [Float32Array, Float32Array, Float32Array];
  readonly fromV: readonly [Float32Array, Float32Array, Float32Array];
}

const cache = new Map<string, Tables>();

/** Luma and chroma in BT.601 (-0.5 to 0.5) of a colour that has only chroma in another matrix. */
function chromaIn601(matrix: ColourSpace['matrix'], u: number, v: number) {
  const [kr, kb] = WEIGHTS[matrix];
  const red = 2 * (1 - kr) * v;
  const blue = 2 * (1 - kb) * u;
  const green = -(kr * red + kb * blue) / (1 - kr - kb);
  const [r, b] = WEIGHTS.bt601;
  const luma = r * red + (1 - r - b) * green + b * blue;
  return [luma, (blue - luma) / (2 * (1 - b)), (red - luma) / (2 * (1 - r))] as const;
}

function tablesFor({ matrix, fullRange }: ColourSpace): Tables {
  const key = `${matrix} ${fullRange}`;
  const known = cache.get(key);
  if (known) return known;
  const table = (of: (sample: number) => number) =>
    Float32Array.from({ length: 256 }, (_, i) => of(i));
  const chroma = (sample: number) => (sample - 128) / (fullRange ? 255 : 224);
  const parts = (of: (sample: number) => readonly [number, number, number]) =>
    [
      table((sample) => 219 * of(sample)[0]),
      table((sample) => 224 * of(sample)[1]),
      table((sample) => 224 * of(sample)[2]),
    ] as const;
  const made: Tables = {
    luma: table((sample) => 16 + (fullRange ? (sample * 219) / 255 : sample - 16)),
    fromU: parts((sample) => chromaIn601(matrix, chroma(sample), 0)),
    fromV: parts((sample) => chromaIn601(matrix, 0, chroma(sample))),
  };
  cache.set(key, made);
  return made;
}

function isCanvasSpace({ matrix, fullRange }: ColourSpace): boolean {
  return matrix === BT601.matrix && fullRange === BT601.fullRange;
}

/** A view of a plane that rounds and clamps values that are written. */
const clamped = (plane: Buffer) =>
  new Uint8ClampedArray(plane.buffer, plane.byteOffset, plane.length);

/** Converts a rectangle (even coordinates) of a 4:2:0 picture in place. */
export function convertColours(picture: Picture, rect: Rect, from: ColourSpace): void {
  if (isCanvasSpace(from)) return;
  const { luma, fromU, fromV } = tablesFor(from);
  const [yPlane, uPlane, vPlane] = picture.planes.map(clamped) as [
    Uint8ClampedArray,
    Uint8ClampedArray,
    Uint8ClampedArray,
  ];
  const [yStride = 0, uStride = 0, vStride = 0] = picture.strides;
  const [left, right] = [rect.x >> 1, (rect.x + rect.width) >> 1];
  for (let row = rect.y >> 1; row < (rect.y + rect.height) >> 1; row++) {
    for (let column = left; column < right; column++) {
      const [uAt, vAt] = [row * uStride + column, row * vStride + column];
      const u = uPlane[uAt] as number;
      const v = vPlane[vAt] as number;
      const add = (fromU[0][u] as number) + (fromV[0][v] as number);
      let at = 2 * row * yStride + 2 * column;
      yPlane[at] = (luma[yPlane[at] as number] as number) + add;
      yPlane[at + 1] = (luma[yPlane[at + 1] as number] as number) + add;
      at += yStride;
      yPlane[at] = (luma[yPlane[at] as number] as number) + add;
      yPlane[at + 1] = (luma[yPlane[at + 1] as number] as number) + add;
      uPlane[uAt] = 128 + (fromU[1][u] as number) + (fromV[1][v] as number);
      vPlane[vAt] = 128 + (fromU[2][u] as number) + (fromV[2][v] as number);
    }
  }
}

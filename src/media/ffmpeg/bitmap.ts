/**
 * A small picture with transparency that is blended into many frames: kept as 4:2:0 planes that are
 * multiplied with their opacity already. BT.601, limited range, as the canvas is.
 */

import { type Rect, rectMeet } from '../../shared/tile-geometry.js';
import type { Picture } from './picture.js';

interface Plane {
  readonly width: number;
  readonly height: number;
  /** Value times opacity, 0 to 255 * 255. */
  readonly weighted: Uint16Array;
  /** What stays of what lies below, 0 to 255. */
  readonly rest: Uint8Array;
}

function planeOf(width: number, height: number): Plane {
  const size = width * height;
  return { width, height, weighted: new Uint16Array(size), rest: new Uint8Array(size) };
}

/** Y, U and V of an 8-bit colour: BT.601, limited range. */
export function yuvOf(r: number, g: number, b: number): readonly [number, number, number] {
  return [
    16 + 0.257 * r + 0.504 * g + 0.098 * b,
    128 - 0.148 * r - 0.291 * g + 0.439 * b,
    128 + 0.439 * r - 0.368 * g - 0.071 * b,
  ];
}

export class Bitmap {
  private constructor(
    readonly width: number,
    readonly height: number,
    private readonly planes: readonly [Plane, Plane, Plane],
  ) {}

  /** @param rgba `width * height * 4` bytes, not multiplied with opacity; both sides are even. */
  static fromRgba(rgba: Buffer, width: number, height: number): Bitmap {
    const y = planeOf(width, height);
    const u = planeOf(width / 2, height / 2);
    const v = planeOf(width / 2, height / 2);
    const sums = { u: new Float32Array(u.rest.length), v: new Float32Array(u.rest.length) };
    const opacity = new Float32Array(u.rest.length);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const at = row * width + column;
        const from = at * 4;
        const a = rgba[from + 3] as number;
        y.rest[at] = 255 - a;
        if (a === 0) continue;
        const [luma, cb, cr] = yuvOf(
          rgba[from] as number,
          rgba[from + 1] as number,
          rgba[from + 2] as number,
        );
        y.weighted[at] = Math.round(luma * a);
        const half = (row >> 1) * u.width + (column >> 1);
        sums.u[half] = (sums.u[half] as number) + cb * a;
        sums.v[half] = (sums.v[half] as number) + cr * a;
        opacity[half] = (opacity[half] as number) + a;
      }
    }
    for (let at = 0; at < opacity.length; at++) {
      const rest = Math.round(255 - (opacity[at] as number) / 4);
      u.rest[at] = rest;
      v.rest[at] = rest;
      u.weighted[at] = Math.round((sums.u[at] as number) / 4);
      v.weighted[at] = Math.round((sums.v[at] as number) / 4);
    }
    return new Bitmap(width, height, [y, u, v]);
  }

  /**
   * Blends it into a 4:2:0 picture, as far as it lies within; `x` and `y` are even.
   * @param clip even coordinates; nothing outside of it is touched.
   */
  blendInto(picture: Picture, x: number, y: number, clip?: Rect): void {
    const { width, height } = this;
    const whole = { x: 0, y: 0, width: picture.width, height: picture.height };
    const area = rectMeet({ x, y, width, height }, clip ? rectMeet(clip, whole) : whole);
    if (area.width <= 0 || area.height <= 0) return;
    const { planes, strides } = picture;
    for (const [index, plane] of this.planes.entries()) {
      const shift = index === 0 ? 0 : 1;
      const into = planes[index] as Buffer;
      const stride = strides[index] as number;
      const { weighted, rest } = plane;
      const [left, columns] = [area.x >> shift, area.width >> shift];
      const bottom = (area.y + area.height) >> shift;
      for (let row = area.y >> shift; row < bottom; row++) {
        let to = row * stride + left;
        let from = (row - (y >> shift)) * plane.width + left - (x >> shift);
        for (const end = from + columns; from < end; from++, to++) {
          const below = (into[to] as number) * (rest[from] as number);
          // Divides by 255, rounded, without a division.
          const sum = below + (weighted[from] as number) + 128;
          into[to] = (sum + (sum >> 8)) >> 8;
        }
      }
    }
  }
}

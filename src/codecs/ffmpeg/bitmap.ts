/**
 * A small picture with transparency that is blended into many composites. It is kept as 4:2:0
 * planes that are already multiplied by their opacity, in BT.601, limited range, like the canvas.
 */

import { type Rect, rectMeet } from '../../protocol/tile-geometry.js';
import type { Picture } from './picture.js';

/** Up to this number of bytes, a loop is faster than a call. */
const SHORT = 96;

interface Plane {
  readonly width: number;
  readonly height: number;
  /** Value times opacity, 0 to 255 * 255. */
  readonly weighted: Uint16Array;
  /** Share of the picture below that stays, 0 to 255. */
  readonly rest: Uint8Array;
  /** Value where nothing of the picture below stays. */
  readonly opaque: Uint8Array;
  /**
   * First column, and the one after the last, of each row's longest opaque run; -1 if there is
   * none.
   */
  readonly solid: Int16Array;
}

function planeOf(width: number, height: number): Plane {
  const size = width * height;
  return {
    width,
    height,
    weighted: new Uint16Array(size),
    rest: new Uint8Array(size),
    opaque: new Uint8Array(size),
    solid: new Int16Array(2 * height).fill(-1),
  };
}

/** Finds the opaque runs: most of a label is opaque, and copying is cheaper than blending. */
function findSolid({ width, height, weighted, rest, opaque, solid }: Plane): void {
  for (let at = 0; at < rest.length; at++) opaque[at] = Math.round((weighted[at] as number) / 255);
  for (let row = 0; row < height; row++) {
    let from = 0;
    let longest = 0;
    for (let column = 0; column <= width; column++) {
      if (column < width && rest[row * width + column] === 0) continue;
      if (column - from > longest) {
        longest = column - from;
        solid.set([from, column], 2 * row);
      }
      from = column + 1;
    }
  }
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

  /** @param rgba `width * height * 4` bytes, not multiplied by opacity; both sides are even. */
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
    for (const plane of [y, u, v]) findSolid(plane);
    return new Bitmap(width, height, [y, u, v]);
  }

  /**
   * Blends the bitmap into a 4:2:0 picture; parts outside of the picture are left out.
   * @param x even, as is `y`.
   * @param clip even coordinates; nothing outside of it is changed.
   */
  blendInto(picture: Picture, x: number, y: number, clip?: Rect): void {
    const { width, height } = this;
    const whole = { x: 0, y: 0, width: picture.width, height: picture.height };
    const area = rectMeet({ x, y, width, height }, clip ? rectMeet(clip, whole) : whole);
    if (area.width <= 0 || area.height <= 0) return;
    const { planes, strides } = picture;
    for (let index = 0; index < 3; index++) {
      const plane = this.planes[index] as Plane;
      const shift = index === 0 ? 0 : 1;
      const into = planes[index] as Buffer;
      const stride = strides[index] as number;
      const { weighted, rest, opaque, solid } = plane;
      const [left, columns] = [area.x >> shift, area.width >> shift];
      const bottom = (area.y + area.height) >> shift;
      for (let row = area.y >> shift; row < bottom; row++) {
        const own = row - (y >> shift);
        const first = own * plane.width;
        const from = first + left - (x >> shift);
        // Added to an index into the bitmap's plane, this gives the index into the picture's.
        const shifted = row * stride + left - from;
        const end = from + columns;
        const solidFrom = Math.max(from, first + (solid[2 * own] as number));
        const solidTo = Math.min(end, first + (solid[2 * own + 1] as number));
        const isSolid = solidTo > solidFrom && (solid[2 * own] as number) >= 0;
        if (isSolid && solidTo - solidFrom > SHORT) {
          into.set(opaque.subarray(solidFrom, solidTo), solidFrom + shifted);
        } else if (isSolid) {
          for (let at = solidFrom; at < solidTo; at++) into[at + shifted] = opaque[at] as number;
        }
        for (let at = from; at < end; at++) {
          if (isSolid && at === solidFrom) at = solidTo;
          if (at >= end) break;
          if (rest[at] === 255) continue;
          const below = (into[at + shifted] as number) * (rest[at] as number);
          // A rounded division by 255 without dividing.
          const sum = below + (weighted[at] as number) + 128;
          into[at + shifted] = (sum + (sum >> 8)) >> 8;
        }
      }
    }
  }
}

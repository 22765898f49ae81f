import { yuvOf } from '../../codecs/ffmpeg/bitmap.js';

/** Of the canvas, and beside pictures that are not cropped: a dark grey. */
export const BACKGROUND = '#090909';

/** Y, U and V of a colour that is written `#rrggbb`. */
export function colourToYuv(colour: string): readonly [number, number, number] {
  const rgb = Number.parseInt(colour.slice(1), 16);
  const [y, u, v] = yuvOf(rgb >> 16, (rgb >> 8) & 255, rgb & 255);
  return [Math.round(y), Math.round(u), Math.round(v)];
}

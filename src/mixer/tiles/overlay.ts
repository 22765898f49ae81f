import type { Bitmap } from '../../codecs/ffmpeg/bitmap.js';

/** A bitmap that lies over the tiles; compared by identity. */
export interface Overlay {
  readonly bitmap: Bitmap;
  /** Left and top edge on the canvas; even. */
  readonly x: number;
  readonly y: number;
}

/** How the samples of a picture represent colours. */
export interface ColourSpace {
  /** ITU-R BT.601 or BT.709: the weights of red, green and blue in the luma. */
  readonly matrix: 'bt601' | 'bt709';
  /** Samples go from 0 to 255. Otherwise luma goes from 16 to 235, chroma from 16 to 240. */
  readonly fullRange: boolean;
}

/** The colour space of the canvas, and of video that does not state any. */
export const BT601: ColourSpace = { matrix: 'bt601', fullRange: false };

const MATRIX_BT709 = 1;
const RANGE_FULL = 2;

/**
 * Reads the color-space header extension of libwebrtc
 * (http://www.webrtc.org/experiments/rtp-hdrext/color-space): primaries, transfer, matrix (ISO/IEC
 * 23001-8), and range with chroma siting; HDR metadata may follow.
 */
export function parseColourSpace(bytes: Buffer): ColourSpace | undefined {
  if (bytes.length < 4) return undefined;
  const [, , matrix, rangeAndSiting = 0] = bytes;
  return {
    matrix: matrix === MATRIX_BT709 ? 'bt709' : 'bt601',
    fullRange: ((rangeAndSiting >> 4) & 3) === RANGE_FULL,
  };
}

/** What is read of a VP9 frame's uncompressed header (VP9 bitstream specification, 6.2). */
import type { FrameSize } from '../util/frame-size.js';
import { BitReader } from './bit-reader.js';

const FRAME_MARKER = 2;
const SYNC_CODE = 0x498342;
const COLOUR_RGB = 7;
/** Bytes of the header up to the size. */
const HEADER_BYTES = 16;

/** The size in a keyframe's header; undefined of other frames, and if it is malformed. */
export function vp9KeyframeSize(frame: Buffer): FrameSize | undefined {
  const reader = new BitReader(frame.subarray(0, HEADER_BYTES));
  if (reader.bits(2) !== FRAME_MARKER) return undefined;
  const profile = reader.bit() + 2 * reader.bit();
  if (profile === 3) reader.bit();
  const showsExisting = reader.bit();
  const isInter = reader.bit();
  if (showsExisting || isInter) return undefined;
  reader.skip(2);
  if (reader.bits(24) !== SYNC_CODE) return undefined;
  if (profile >= 2) reader.bit();
  const isRgb = reader.bits(3) === COLOUR_RGB;
  if (!isRgb) reader.bit();
  if (profile & 1) reader.skip(isRgb ? 1 : 3);
  const width = reader.bits(16) + 1;
  const height = reader.bits(16) + 1;
  return reader.overrun ? undefined : { width, height };
}

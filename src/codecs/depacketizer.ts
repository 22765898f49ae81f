/** How one codec's RTP payloads become frames. */
import type { FrameSize } from '../util/frame-size.js';

export interface DepacketizedFrame {
  readonly data: Buffer;
  /** Decoding can begin here: everything that the frame needs is in it. */
  readonly keyframe: boolean;
  /** Present on keyframes, and on other frames that bring a size of their own. */
  readonly size: FrameSize | undefined;
}

/** Payloads that are part of no picture: parameter sets, delimiters, filler. */
export const NO_PICTURE = 'no picture';

/**
 * Takes the payloads of one stream. A frame is what has one RTP timestamp. It may keep what later
 * frames need. Never throws, whatever the payloads are.
 */
export interface Depacketizer {
  /** Takes each payload as it arrives, in any order, and keeps the parameter sets in it. */
  arrived?(payload: Buffer): void;
  /** Whether decoding can begin with this payload: it is the first that a keyframe needs. */
  startsKeyframe(payload: Buffer): boolean;
  /** The size of the pictures, where this payload says it. Asked of payloads that start keyframes. */
  sizeIn(payload: Buffer): FrameSize | undefined;
  /** Whether the payload has part of a picture. All have, if this is left out. */
  hasPicture?(payload: Buffer): boolean;
  /** One frame from its packets in order; undefined if they are malformed. */
  assemble(payloads: readonly Buffer[]): DepacketizedFrame | typeof NO_PICTURE | undefined;
}

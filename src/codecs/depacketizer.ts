/** How one codec's RTP payloads become frames. */
import type { FrameSize } from '../util/frame-size.js';

export interface DepacketizedFrame {
  readonly data: Buffer;
  readonly keyframe: boolean;
  /** Present on keyframes. */
  readonly size: FrameSize | undefined;
}

/** Stateless. Never throws, whatever the payloads are. */
export interface Depacketizer {
  /** Whether this payload is the first of a keyframe. */
  startsKeyframe(payload: Buffer): boolean;
  /** One frame from its packets in order, or undefined if they are malformed. */
  assemble(payloads: readonly Buffer[]): DepacketizedFrame | undefined;
}

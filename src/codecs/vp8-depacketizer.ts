/** VP8 out of RTP (RFC 7741). Never throws on any input. */
import { type FrameSize, vp8KeyframeSize } from '../util/frame-size.js';

export interface DepacketizedFrame {
  readonly data: Buffer;
  readonly keyframe: boolean;
  /** Present on keyframes. */
  readonly size: FrameSize | undefined;
}

/** How one codec's packets become frames. */
export interface Depacketizer {
  /** Whether this payload is the first of a keyframe. */
  startsKeyframe(payload: Buffer): boolean;
  /** One frame from its packets in order, or undefined if they are malformed. */
  assemble(payloads: readonly Buffer[]): DepacketizedFrame | undefined;
}

/** Length of the payload descriptor, or -1 if it is cut short. */
function descriptorLength(payload: Buffer): number {
  const first = payload[0];
  if (first === undefined) return -1;
  let length = 1;
  if (first & 0x80) {
    const extension = payload[length++];
    if (extension === undefined) return -1;
    if (extension & 0x80) {
      const picture = payload[length];
      if (picture === undefined) return -1;
      length += picture & 0x80 ? 2 : 1;
    }
    if (extension & 0x40) length++;
    if (extension & 0x30) length++;
  }
  return length < payload.length ? length : -1;
}

export const vp8Depacketizer: Depacketizer = {
  startsKeyframe(payload) {
    const first = payload[0];
    const length = descriptorLength(payload);
    if (first === undefined || length < 0 || (first & 0x17) !== 0x10) return false;
    return ((payload[length] as number) & 1) === 0;
  },

  assemble(payloads) {
    const parts: Buffer[] = [];
    for (const [index, payload] of payloads.entries()) {
      const length = descriptorLength(payload);
      if (length < 0) return undefined;
      const starts = ((payload[0] as number) & 0x17) === 0x10;
      if (starts !== (index === 0)) {
        // S with PID 0 stands on the first packet only; other partitions start with their own PID.
        if (index === 0 || starts) return undefined;
      }
      parts.push(payload.subarray(length));
    }
    const data = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    if (data.length < 3) return undefined;
    const keyframe = ((data[0] as number) & 1) === 0;
    const size = keyframe ? vp8KeyframeSize(data) : undefined;
    if (keyframe && !size) return undefined;
    return { data, keyframe, size };
  },
};

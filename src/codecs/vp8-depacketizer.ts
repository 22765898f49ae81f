/** VP8 out of RTP (RFC 7741). Never throws on any input. */
import type { FrameSize } from '../util/frame-size.js';
import type { Depacketizer } from './depacketizer.js';

/** Size in a VP8 keyframe's header; undefined of other frames, and if malformed (RFC 6386, 9.1). */
export function vp8KeyframeSize(frame: Buffer): FrameSize | undefined {
  if (frame.length < 10 || ((frame[0] as number) & 1) !== 0) return undefined;
  if (frame[3] !== 0x9d || frame[4] !== 0x01 || frame[5] !== 0x2a) return undefined;
  const width = frame.readUInt16LE(6) & 0x3fff;
  const height = frame.readUInt16LE(8) & 0x3fff;
  return width > 0 && height > 0 ? { width, height } : undefined;
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

/** Has no state. */
export const vp8Depacketizer = {
  startsKeyframe(payload) {
    const first = payload[0];
    const length = descriptorLength(payload);
    if (first === undefined || length < 0 || (first & 0x17) !== 0x10) return false;
    return ((payload[length] as number) & 1) === 0;
  },

  sizeIn(payload) {
    const length = descriptorLength(payload);
    return length < 0 ? undefined : vp8KeyframeSize(payload.subarray(length));
  },

  assemble(payloads) {
    const parts: Buffer[] = [];
    for (const [index, payload] of payloads.entries()) {
      const length = descriptorLength(payload);
      if (length < 0) return undefined;
      const starts = ((payload[0] as number) & 0x17) === 0x10;
      if (starts !== (index === 0)) {
        // Only the first packet has S with partition 0; the other partitions have their own numbers.
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
} satisfies Depacketizer;

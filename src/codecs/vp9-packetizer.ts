/** VP9 to RTP, in flexible mode with one spatial layer (RFC 9628). */
import type { TemporalLayer } from '../util/units.js';
import { type EncodedFrame, MAX_PAYLOAD, type Packetizer } from './packetizer.js';

/** Where a frame stands in two temporal layers. */
export interface Vp9Layer {
  readonly temporalLayer: TemporalLayer;
  /** How many frames ago the frame was that this one is predicted from; 0 of keyframes. */
  readonly reference: number;
}

/** Counts frames, and says of each how far back its base-layer frame is. */
export class Vp9Packetizer implements Packetizer {
  private pictureId = 0;
  private lastBase = 0;

  packetize({ data, keyframe, temporalLayer }: EncodedFrame): Buffer[] {
    this.pictureId = (this.pictureId + 1) & 0x7fff;
    const reference = keyframe ? 0 : (this.pictureId - this.lastBase) & 0x7fff;
    if (temporalLayer === 0) this.lastBase = this.pictureId;
    return packetizeVp9(data, this.pictureId, { temporalLayer, reference });
  }
}

/**
 * One VP9 frame as RTP payloads of about equal size (RFC 9628, 4.2).
 * @param pictureId 15 bits of it are sent.
 */
export function packetizeVp9(
  frame: Buffer,
  pictureId: number,
  { temporalLayer, reference }: Vp9Layer,
): Buffer[] {
  // I, P if predicted, L, F; the picture id; TID, and U: a receiver of the base may go up here.
  const head = 0xb0 | (reference > 0 ? 0x40 : 0);
  const layer = temporalLayer === 1 ? 0x30 : 0;
  const descriptor = Buffer.from([
    head,
    0x80 | ((pictureId >> 8) & 0x7f),
    pictureId & 0xff,
    layer,
    ...(reference > 0 ? [reference << 1] : []),
  ]);
  const count = Math.max(1, Math.ceil(frame.length / (MAX_PAYLOAD - descriptor.length)));
  const size = Math.ceil(frame.length / count);
  const payloads: Buffer[] = [];
  for (let at = 0; at < frame.length; at += size) {
    const payload = Buffer.concat([descriptor, frame.subarray(at, at + size)]);
    const begins = at === 0 ? 0x08 : 0;
    const ends = at + size >= frame.length ? 0x04 : 0;
    payload[0] = head | begins | ends;
    payloads.push(payload);
  }
  return payloads;
}

import type { TemporalLayer } from '../util/units.js';
import { MAX_PAYLOAD } from './vp8-packetizer.js';

/** Of one frame among two temporal layers. */
export interface Vp9Layer {
  readonly temporalLayer: TemporalLayer;
  /** How many pictures ago the one that it is predicted from was; 0 of keyframes. */
  readonly reference: number;
}

/**
 * One VP9 frame of one spatial layer as RTP payloads of about equal size, in flexible mode with a
 * 15-bit picture id (RFC 9628, 4.2).
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

/** VP8 to RTP (RFC 7741). */
import type { TemporalLayer } from '../util/units.js';
import { type EncodedFrame, MAX_PAYLOAD, type Packetizer } from './packetizer.js';

/** Where a frame stands in two temporal layers. Frames of the upper layer need the base alone. */
export interface Vp8Layer {
  readonly temporalLayer: TemporalLayer;
  /** TL0PICIDX: the number of the last base-layer frame, 8 bits. */
  readonly baseIndex: number;
}

/** Counts frames and base-layer frames on, so that receivers see which ones are missing. */
export class Vp8Packetizer implements Packetizer {
  private pictureId = 0;
  private baseIndex = 0;

  packetize({ data, temporalLayer }: EncodedFrame): Buffer[] {
    this.pictureId = (this.pictureId + 1) & 0x7fff;
    if (temporalLayer === 0) this.baseIndex = (this.baseIndex + 1) & 0xff;
    return packetizeVp8(data, this.pictureId, { temporalLayer, baseIndex: this.baseIndex });
  }
}

/**
 * One VP8 frame as RTP payloads of about equal size (RFC 7741, 4.2).
 * @param pictureId 15 bits of it are sent.
 * @param layer undefined of a stream without temporal layers.
 */
export function packetizeVp8(frame: Buffer, pictureId: number, layer?: Vp8Layer): Buffer[] {
  const descriptor = descriptorOf(pictureId & 0x7fff, layer);
  const count = Math.max(1, Math.ceil(frame.length / (MAX_PAYLOAD - descriptor.length)));
  const size = Math.ceil(frame.length / count);
  const payloads: Buffer[] = [];
  for (let at = 0; at < frame.length; at += size) {
    const payload = Buffer.concat([descriptor, frame.subarray(at, at + size)]);
    // S: the first partition begins here.
    if (at === 0) payload[0] = (payload[0] as number) | 0x10;
    payloads.push(payload);
  }
  return payloads;
}

function descriptorOf(pictureId: number, layer: Vp8Layer | undefined): Buffer {
  const id = [0x80 | (pictureId >> 8), pictureId & 0xff];
  // X; I.
  if (!layer) return Buffer.from([0x80, 0x80, ...id]);
  const upper = layer.temporalLayer === 1;
  // X, and N if nothing refers to it; I, L and T; TID, and Y: it needs no other frame of its layer.
  return Buffer.from([upper ? 0xa0 : 0x80, 0xe0, ...id, layer.baseIndex, upper ? 0x60 : 0]);
}

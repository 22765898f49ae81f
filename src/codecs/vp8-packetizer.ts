import type { TemporalLayer } from '../util/units.js';

/** Payload bytes per packet: with RTP, extensions, SRTP, UDP and IPv6 it stays under 1280 (RFC 8200, 5). */
export const MAX_PAYLOAD = 1160;

/** Of one frame among two temporal layers; those of the upper one depend on the base alone. */
export interface Vp8Layer {
  readonly temporalLayer: TemporalLayer;
  /** 8 bit: of the base layer's last frame (TL0PICIDX). */
  readonly baseIndex: number;
}

/**
 * One VP8 frame as RTP payloads of about equal size, each with a descriptor that has a 15-bit picture
 * id, and the temporal layer if there are two (RFC 7741, 4.2).
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

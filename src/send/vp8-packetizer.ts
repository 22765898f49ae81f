/** Payload bytes per packet: with RTP, extensions, SRTP, UDP and IPv6 it stays under 1280 (RFC 8200, 5). */
export const MAX_PAYLOAD = 1160;

/**
 * One VP8 frame as RTP payloads of about equal size, each with a descriptor carrying a 15-bit
 * picture id (RFC 7741, 4.2).
 */
export function packetizeVp8(frame: Buffer, pictureId: number): Buffer[] {
  const count = Math.max(1, Math.ceil(frame.length / (MAX_PAYLOAD - 4)));
  const size = Math.ceil(frame.length / count);
  const payloads: Buffer[] = [];
  for (let at = 0; at < frame.length; at += size) {
    const part = frame.subarray(at, at + size);
    const payload = Buffer.allocUnsafe(4 + part.length);
    payload[0] = at === 0 ? 0x90 : 0x80;
    payload[1] = 0x80;
    payload.writeUInt16BE(0x8000 | (pictureId & 0x7fff), 2);
    part.copy(payload, 4);
    payloads.push(payload);
  }
  return payloads;
}

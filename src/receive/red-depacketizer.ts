/** Redundant audio data out of RTP (RFC 2198). Never throws on any input. */

export interface RedBlock {
  /** How much older than the packet's timestamp this block is, in RTP ticks; 0 for the primary. */
  readonly timestampOffset: number;
  readonly payloadType: number;
  readonly payload: Buffer;
}

/** A packet with more redundant blocks than this is malformed. */
const MAX_BLOCKS = 4;

/** All blocks, oldest first, the primary last; undefined if the payload is malformed. */
export function splitRed(payload: Buffer): RedBlock[] | undefined {
  const headers: { offset: number; length: number; payloadType: number }[] = [];
  let at = 0;
  for (;;) {
    const first = payload[at];
    if (first === undefined || headers.length > MAX_BLOCKS) return undefined;
    const payloadType = first & 0x7f;
    if (!(first & 0x80)) {
      headers.push({ offset: 0, length: -1, payloadType });
      at += 1;
      break;
    }
    if (at + 4 > payload.length) return undefined;
    const rest = payload.readUIntBE(at + 1, 3);
    headers.push({ offset: rest >>> 10, length: rest & 0x3ff, payloadType });
    at += 4;
  }
  const blocks: RedBlock[] = [];
  for (const { offset, length, payloadType } of headers) {
    const end = length < 0 ? payload.length : at + length;
    if (end > payload.length) return undefined;
    blocks.push({ timestampOffset: offset, payloadType, payload: payload.subarray(at, end) });
    at = end;
  }
  return blocks;
}

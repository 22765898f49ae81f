/** H.264 to RTP (RFC 6184, packetization mode 1). */
import { splitAnnexB, unitType } from './annex-b.js';
import { type EncodedFrame, MAX_PAYLOAD, type Packetizer } from './packetizer.js';

const FU_A = 28;
const STAP_A = 24;
const NAL_AUD = 9;
const NAL_SEI = 6;

function fragment(unit: Buffer): Buffer[] {
  const head = unit[0] as number;
  const body = unit.subarray(1);
  const count = Math.ceil(body.length / (MAX_PAYLOAD - 2));
  const size = Math.ceil(body.length / count);
  const payloads: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    const payload = Buffer.allocUnsafe(2 + part.length);
    payload[0] = (head & 0xe0) | FU_A;
    payload[1] = (head & 0x1f) | (at === 0 ? 0x80 : 0) | (at + size >= body.length ? 0x40 : 0);
    part.copy(payload, 2);
    payloads.push(payload);
  }
  return payloads;
}

function aggregate(units: readonly Buffer[]): Buffer {
  if (units.length === 1) return units[0] as Buffer;
  const importance = Math.max(...units.map((unit) => (unit[0] as number) & 0x60));
  const parts: Buffer[] = [Buffer.from([importance | STAP_A])];
  for (const unit of units) {
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(unit.length, 0);
    parts.push(length, unit);
  }
  return Buffer.concat(parts);
}

/** Has no state: payloads carry no numbers of their own. */
export class H264Packetizer implements Packetizer {
  packetize({ data }: EncodedFrame): Buffer[] {
    return packetizeH264(data);
  }
}

/**
 * One H.264 access unit (Annex B) as RTP payloads: small units together in STAP-A, large ones in FU-A
 * (RFC 6184, 5.7 and 5.8). Delimiters and SEI are left out.
 */
export function packetizeH264(frame: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  let group: Buffer[] = [];
  let groupSize = 1;
  const flush = () => {
    if (group.length > 0) payloads.push(aggregate(group));
    group = [];
    groupSize = 1;
  };
  for (const unit of splitAnnexB(frame)) {
    const type = unitType(unit);
    if (type === NAL_AUD || type === NAL_SEI) continue;
    if (unit.length > MAX_PAYLOAD) {
      flush();
      payloads.push(...fragment(unit));
      continue;
    }
    if (groupSize + 2 + unit.length > MAX_PAYLOAD) flush();
    group.push(unit);
    groupSize += 2 + unit.length;
  }
  flush();
  return payloads;
}

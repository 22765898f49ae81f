/** H.265 to RTP (RFC 7798), as clients send it: sets in an aggregation packet, slices in fragments. */
import { splitAnnexB } from '../../src/codecs/annex-b.js';
import { h265UnitType } from '../../src/codecs/h265-parameter-sets.js';

const [AP, FU] = [48, 49] as const;
const PART = 1100;

function aggregate(units: readonly Buffer[]): Buffer {
  const parts = units.flatMap((unit) => [Buffer.from([unit.length >> 8, unit.length & 255]), unit]);
  return Buffer.concat([Buffer.from([AP << 1, 1]), ...parts]);
}

function fragments(unit: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 2; at < unit.length; at += PART) {
    const flags = (at === 2 ? 0x80 : 0) | (at + PART >= unit.length ? 0x40 : 0);
    const head = Buffer.from([FU << 1, 1, flags | h265UnitType(unit)]);
    payloads.push(Buffer.concat([head, unit.subarray(at, at + PART)]));
  }
  return payloads;
}

export function packetizeH265(frame: Buffer): Buffer[] {
  const units = splitAnnexB(frame);
  const sets = units.filter((unit) => h265UnitType(unit) >= 32 && h265UnitType(unit) <= 34);
  const slices = units.filter((unit) => h265UnitType(unit) < 32);
  const payloads = slices.flatMap((unit) => (unit.length > PART ? fragments(unit) : [unit]));
  return sets.length > 0 ? [aggregate(sets), ...payloads] : payloads;
}

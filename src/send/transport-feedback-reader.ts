/**
 * Reads transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1): which of
 * our packets have arrived, and when, on the receiver's clock.
 */
import type { Micros } from '../util/units.js';

const DELTA_UNIT: Micros = 250;
const REFERENCE_UNIT: Micros = 64_000;

export interface PacketFate {
  /** 16-bit transport-wide sequence number. */
  readonly sequence: number;
  /** On the receiver's clock, which wraps every 12 days; undefined if the packet has not arrived. */
  readonly arrival: Micros | undefined;
}

/** @param packet a whole RTCP packet, common header included. Empty if malformed. */
export function readTransportFeedback(packet: Buffer): PacketFate[] {
  if (packet.length < 20) return [];
  const base = packet.readUInt16BE(12);
  const count = packet.readUInt16BE(14);
  const symbols: number[] = [];
  let at = 20;
  while (symbols.length < count) {
    if (at + 2 > packet.length) return [];
    const chunk = packet.readUInt16BE(at);
    at += 2;
    if (chunk >> 15 === 0) {
      const symbol = (chunk >> 13) & 3;
      const run = Math.min(chunk & 0x1fff, count - symbols.length);
      for (let i = 0; i < run; i++) symbols.push(symbol);
    } else if ((chunk >> 14) & 1) {
      for (let shift = 12; shift >= 0; shift -= 2) symbols.push((chunk >> shift) & 3);
    } else {
      for (let shift = 13; shift >= 0; shift--) symbols.push((chunk >> shift) & 1);
    }
  }
  const fates: PacketFate[] = [];
  let time = packet.readUIntBE(16, 3) * REFERENCE_UNIT;
  for (let i = 0; i < count; i++) {
    const sequence = (base + i) & 0xffff;
    const symbol = symbols[i];
    if (symbol === 1 && at + 1 <= packet.length) {
      time += (packet[at] as number) * DELTA_UNIT;
      at += 1;
    } else if (symbol === 2 && at + 2 <= packet.length) {
      time += packet.readInt16BE(at) * DELTA_UNIT;
      at += 2;
    } else if (symbol !== 0) break;
    fates.push({ sequence, arrival: symbol === 0 ? undefined : time });
  }
  return fates;
}

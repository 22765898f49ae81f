/**
 * Transport-wide congestion control feedback for what we receive
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1). Pure; times in microseconds.
 */
import { Unwrapper } from '../rtp/sequence.js';
import type { Micros } from '../util/units.js';

const DELTA_UNIT: Micros = 250;
const REFERENCE_UNIT: Micros = 64_000;
/** Packets in one feedback message; the others wait for the next one. */
const MAX_PACKETS = 600;

export class TransportFeedbackGenerator {
  private readonly unwrapper = new Unwrapper(16);
  private readonly arrivals = new Map<number, Micros>();
  private next: number | undefined;
  private count = 0;

  received(sequence: number, now: Micros): void {
    const extended = this.unwrapper.unwrap(sequence);
    if (this.next !== undefined && extended < this.next - 1000) return;
    if (this.arrivals.size < 4 * MAX_PACKETS) this.arrivals.set(extended, now);
  }

  /** The body of a feedback message, behind the media SSRC; undefined if no packet has arrived. */
  build(): Buffer | undefined {
    if (this.arrivals.size === 0) return undefined;
    const sequences = [...this.arrivals.keys()].sort((a, b) => a - b);
    const first = Math.min(this.next ?? (sequences[0] as number), sequences[0] as number);
    const last = Math.min(sequences[sequences.length - 1] as number, first + MAX_PACKETS - 1);
    const reference = Math.floor(
      (this.arrivals.get(sequences[0] as number) as number) / REFERENCE_UNIT,
    );
    let previous = reference * REFERENCE_UNIT;
    const symbols: number[] = [];
    const deltas: number[] = [];
    for (let sequence = first; sequence <= last; sequence++) {
      const at = this.arrivals.get(sequence);
      if (at === undefined) {
        symbols.push(0);
        continue;
      }
      const delta = Math.max(-32_768, Math.min(32_767, Math.round((at - previous) / DELTA_UNIT)));
      previous += delta * DELTA_UNIT;
      symbols.push(delta >= 0 && delta <= 255 ? 1 : 2);
      deltas.push(delta);
      this.arrivals.delete(sequence);
    }
    for (const sequence of this.arrivals.keys())
      if (sequence < first) this.arrivals.delete(sequence);
    this.next = last + 1;
    return this.write(first, reference, symbols, deltas);
  }

  private write(first: number, reference: number, symbols: number[], deltas: number[]): Buffer {
    // Status vector chunks with seven symbols of two bits fit every case, and are almost the smallest.
    const chunks = Math.ceil(symbols.length / 7);
    const deltaBytes = deltas.reduce((sum, delta) => sum + (delta >= 0 && delta <= 255 ? 1 : 2), 0);
    const out = Buffer.alloc(8 + chunks * 2 + deltaBytes);
    out.writeUInt16BE(first & 0xffff, 0);
    out.writeUInt16BE(symbols.length, 2);
    out.writeIntBE(((reference + 0x80_0000) & 0xff_ffff) - 0x80_0000, 4, 3);
    out[7] = this.count++ & 0xff;
    for (let chunk = 0; chunk < chunks; chunk++) {
      let word = 0xc000;
      for (let i = 0; i < 7; i++) word |= (symbols[chunk * 7 + i] ?? 0) << (12 - i * 2);
      out.writeUInt16BE(word, 8 + chunk * 2);
    }
    let at = 8 + chunks * 2;
    for (const delta of deltas) {
      if (delta >= 0 && delta <= 255) out[at++] = delta;
      else at = out.writeInt16BE(delta, at);
    }
    return out;
  }
}

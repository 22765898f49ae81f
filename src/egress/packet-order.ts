/**
 * Stage: puts Opus packets in the order in which they were sent, each once. It waits 400 ms for missing
 * packets. Pure.
 */
import type { AudioInFrame } from '../link/link-messages.js';
import { Unwrapper } from '../rtp/sequence.js';
import type { Micros } from '../util/units.js';

const PATIENCE: Micros = 400_000;

export class PacketOrder {
  private readonly unwrapper = new Unwrapper(16);
  private readonly waiting = new Map<number, AudioInFrame>();
  private next: number | undefined;

  push(frame: AudioInFrame): AudioInFrame[] {
    const sequence = this.unwrapper.unwrap(frame.sequence);
    this.next ??= sequence;
    if (sequence < this.next) return [];
    if (!this.waiting.has(sequence)) this.waiting.set(sequence, frame);
    const ready: AudioInFrame[] = [];
    for (;;) {
      const found = this.waiting.get(this.next);
      if (found) {
        this.waiting.delete(this.next);
        ready.push(found);
        this.next++;
        continue;
      }
      const first = Math.min(...this.waiting.keys());
      const since = frame.arrivalMicros - (this.waiting.get(first)?.arrivalMicros ?? Infinity);
      if (!(since > PATIENCE)) return ready;
      this.next = first;
    }
  }
}

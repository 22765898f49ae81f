/** Finds out whether a path takes a certain rate for a moment. Pure; times in microseconds. */
import { sequenceDelta } from '../rtp/sequence.js';
import type { Micros } from '../util/units.js';

/** A probe has passed if it arrived at this share of its rate. */
const PASSED = 0.85;
/** Loss beyond the path's usual loss by this much means a full queue. */
const LOST_TOO_MUCH = 0.1;
/** By then feedback on the last packets has come. */
const PATIENCE: Micros = 300_000;

export class BandwidthProbe {
  private last: number | undefined;
  private endedAt: Micros | undefined;
  private bytes = 0;
  private packets = 0;
  private lost = 0;
  private firstArrival: Micros | undefined;
  private lastArrival: Micros = 0;

  /** @param first transport-wide sequence number that belongs to it. */
  constructor(
    private readonly rateBps: number,
    private readonly first: number,
  ) {}

  /** @param last sequence number that belongs to it. */
  end(last: number, now: Micros): void {
    this.last = last;
    this.endedAt = now;
  }

  /** Whether nothing more will be learnt from it. */
  isOver(now: Micros): boolean {
    return this.endedAt !== undefined && now - this.endedAt >= PATIENCE;
  }

  /** Takes a packet's fate. @param arrival undefined if it was lost. */
  packet(sequence: number, bytes: number, arrival: Micros | undefined): void {
    if (sequenceDelta(this.first, sequence) < 0) return;
    if (this.last !== undefined && sequenceDelta(sequence, this.last) < 0) return;
    this.packets++;
    if (arrival === undefined) this.lost++;
    else {
      this.firstArrival ??= arrival;
      this.lastArrival = Math.max(this.lastArrival, arrival);
    }
    if (this.packets > 1) this.bytes += bytes;
  }

  /** What the path carried of it, in bits per second; undefined if nothing was learnt. */
  carriedBps(usualLoss: number): number | undefined {
    if (this.firstArrival === undefined || this.lastArrival <= this.firstArrival) return undefined;
    const lost = this.lost / this.packets;
    const arrived = lost <= usualLoss + LOST_TOO_MUCH ? this.bytes : this.bytes * (1 - lost);
    const rate = (arrived * 8_000_000) / (this.lastArrival - this.firstArrival);
    return rate >= PASSED * this.rateBps ? this.rateBps : 0.85 * rate;
  }
}

/**
 * Decides which packets of one stream to ask for again, and when (RFC 4585, 6.2.1). Sequence numbers
 * are extended by the caller, so nothing here wraps. Pure; times in microseconds.
 */
import type { Micros } from '../util/units.js';

const MAX_TRIES = 10;
const MAX_LIST = 1000;
/** A packet is not asked for again sooner than this, however short the round trip is. */
const MIN_INTERVAL: Micros = 40_000;
/** Senders ignore a request that is repeated within a round trip; their round trip differs from ours. */
const INTERVAL_MARGIN: Micros = 10_000;
/** On a path that loses this share each request is sent twice, because it may be lost too. */
const LOSSY = 0.02;
const COPY_AFTER: Micros = 10_000;
const LOSS_SMOOTHING = 1 / 200;

interface Missing {
  tries: number;
  copied: boolean;
  askedAt: Micros;
  readonly since: Micros;
}

export class NackGenerator {
  private readonly missing = new Map<number, Missing>();
  private highest: number | undefined;
  /** Smoothed share of packets that did not come at the first try. */
  private lossShare = 0;

  /** @param maxTries how often one packet is asked for before it is given up. */
  constructor(private readonly maxTries = MAX_TRIES) {}

  /** Takes a packet's number. @returns whether it opens a gap: then it is time to ask at once. */
  received(sequence: number, now: Micros): boolean {
    this.missing.delete(sequence);
    if (this.highest === undefined || sequence <= this.highest) {
      this.highest ??= sequence;
      return false;
    }
    const first = Math.max(this.highest + 1, sequence - MAX_LIST);
    for (let lost = first; lost < sequence; lost++) {
      this.missing.set(lost, { tries: 0, copied: false, askedAt: 0, since: now });
      this.lossShare += (1 - this.lossShare) * LOSS_SMOOTHING;
    }
    this.lossShare -= this.lossShare * LOSS_SMOOTHING;
    this.highest = sequence;
    while (this.missing.size > MAX_LIST) {
      this.missing.delete(this.missing.keys().next().value as number);
    }
    return first < sequence;
  }

  /** Packets before this sequence number are no longer needed. */
  forgetBefore(sequence: number): void {
    for (const lost of this.missing.keys()) if (lost < sequence) this.missing.delete(lost);
  }

  /** Whether a packet is missing and has not been given up. */
  isMissing(sequence: number): boolean {
    return this.missing.has(sequence);
  }

  /** The numbers to ask for now, which then count as asked. Those asked for too often are given up. */
  due(now: Micros, roundTrip: Micros): number[] {
    const interval = Math.max(MIN_INTERVAL, roundTrip + INTERVAL_MARGIN);
    const due: number[] = [];
    for (const [sequence, entry] of this.missing) {
      const since = now - entry.askedAt;
      if (entry.tries > 0 && since < interval) {
        if (entry.copied || this.lossShare < LOSSY || since < COPY_AFTER) continue;
        entry.copied = true;
        due.push(sequence);
        continue;
      }
      if (entry.tries >= this.maxTries) {
        this.missing.delete(sequence);
        continue;
      }
      entry.tries++;
      entry.copied = false;
      entry.askedAt = now;
      due.push(sequence);
    }
    return due;
  }
}

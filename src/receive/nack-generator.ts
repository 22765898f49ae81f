/**
 * Which packets of one stream to ask for again, and when (RFC 4585, 6.2.1). Sequence numbers are
 * extended by the caller, so nothing here wraps. Pure; times in microseconds.
 */
import type { Micros } from '../util/units.js';

const MAX_TRIES = 10;
const MAX_LIST = 1000;
/** Not asked again sooner than this, however short the round trip. */
const MIN_INTERVAL: Micros = 40_000;
/** The sender ignores what comes again within its round trip; ours and theirs differ a little. */
const INTERVAL_MARGIN: Micros = 10_000;
/** On a path that loses this share, each request goes out twice: it may be lost as well. */
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
  /** Share of packets that did not come at first, smoothed. */
  private lossShare = 0;

  /** @param maxTries how often one packet is asked for before it is given up. */
  constructor(private readonly maxTries = MAX_TRIES) {}

  /** @returns whether a gap was opened: then it is time to ask at once. */
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

  /** Nothing before this sequence number is wanted any more. */
  forgetBefore(sequence: number): void {
    for (const lost of this.missing.keys()) if (lost < sequence) this.missing.delete(lost);
  }

  /** Whether a packet is missing and may still come: it was asked for fewer times than the limit. */
  isMissing(sequence: number): boolean {
    return this.missing.has(sequence);
  }

  /** Sequence numbers to ask for now; counts as asked. Those asked for too often are given up. */
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

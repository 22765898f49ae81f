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
/** A packet that was asked for this often, and did not come, was not answered. */
const ASKED_ENOUGH = 3;
/** After this many such packets in a row the sender is taken for one that repairs nothing. */
const UNREPAIRED_IN_A_ROW = 10;
/** How long a gap may stay open: some round trips, within these bounds. */
const SHORTEST_WAIT: Micros = 300_000;
const LONGEST_WAIT: Micros = 1_000_000;
const ROUND_TRIPS = 4;
/** A sender at a low bitrate repairs slowly: this many of its usual repair times are waited for. */
const REPAIR_TIMES = 3;
const REPAIR_SMOOTHING = 1 / 8;
/** After this many tries for a packet the pauses are twice as long. */
const EAGER_TRIES = 5;
/** How long a packet may be overtaken by others, where no repair comes. */
const REORDERED: Micros = 60_000;

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
  /** Smoothed time from a gap to its repair. */
  private repairTime: Micros = 0;
  /** Packets in a row that were asked for in vain. */
  private unrepaired = 0;

  /** @param maxTries how often one packet is asked for before it is given up. */
  constructor(private readonly maxTries = MAX_TRIES) {}

  /** Takes a packet's number. @returns whether it opens a gap: then it is time to ask at once. */
  received(sequence: number, now: Micros): boolean {
    const wanted = this.missing.get(sequence);
    if (wanted) {
      this.missing.delete(sequence);
      if (wanted.tries > 0) {
        this.unrepaired = 0;
        this.repairTime += (now - wanted.since - this.repairTime) * REPAIR_SMOOTHING;
      }
    }
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
    for (const lost of this.missing.keys()) if (lost < sequence) this.abandon(lost);
  }

  /**
   * Whether a packet that is missing can no longer come in time: it was asked for too often, or for
   * too long, or the sender never repairs anything.
   */
  isHopeless(sequence: number, now: Micros, roundTrip: Micros): boolean {
    const entry = this.missing.get(sequence);
    if (!entry) return true;
    const patience = Math.min(
      LONGEST_WAIT,
      Math.max(
        SHORTEST_WAIT,
        ROUND_TRIPS * (roundTrip + INTERVAL_MARGIN),
        REPAIR_TIMES * this.repairTime,
      ),
    );
    const repairs = this.unrepaired < UNREPAIRED_IN_A_ROW;
    return now - entry.since >= (repairs ? patience : REORDERED);
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
      const pause = entry.tries > EAGER_TRIES ? 2 * interval : interval;
      if (entry.tries > 0 && since < pause) {
        if (entry.copied || this.lossShare < LOSSY || since < COPY_AFTER) continue;
        entry.copied = true;
        due.push(sequence);
        continue;
      }
      if (entry.tries >= this.maxTries) {
        this.abandon(sequence);
        continue;
      }
      entry.tries++;
      entry.copied = false;
      entry.askedAt = now;
      due.push(sequence);
    }
    return due;
  }

  private abandon(sequence: number): void {
    const entry = this.missing.get(sequence);
    if (entry && entry.tries >= ASKED_ENOUGH) this.unrepaired++;
    this.missing.delete(sequence);
  }
}

/**
 * Chooses the step of the ladder that one client gets, by what its path takes and what it asks for.
 * It goes down as soon as more is sent than arrives, and up when the estimate has allowed a better step
 * for a while; probes find out whether the path would take one. Pure; times in microseconds.
 */
import type { Micros } from '../util/units.js';

/** A better step needs an estimate of this many times its bitrate. */
const UP_MARGIN = 1.1;
const UP_AFTER: Micros = 500_000;
/** The same from audio alone: one lucky probe must not put video before the audio. */
const UP_AFTER_AUDIO: Micros = 1_500_000;
/** After any change there is no better step sooner than this. */
const SETTLE: Micros = 2_000_000;
/** A better step that lasted less than this was too much: the next try waits twice as long. */
const LASTING: Micros = 10_000_000;
const MAX_SETTLE: Micros = 60_000_000;
/** An estimate below this share of what is sent means congestion. */
const DOWN_SHARE = 0.6;
/** A longer queue is congestion if it stays; a queue that goes soon is a keyframe on its way. */
const MAX_QUEUE: Micros = 250_000;
const QUEUED_AFTER: Micros = 500_000;
/** With less than this share of what the least video step needs there is no video. */
const SUSPEND_SHARE = 0.6;
/** With less than this share for STARVED_AFTER there is none either, however little it sends now. */
const STARVED_SHARE = 0.75;
const STARVED_AFTER: Micros = 1_000_000;
/** A probe tries a step that needs this many times the present one, or the next better step. */
const PROBE_FACTOR = 1.5;
const FIRST_PROBE: Micros = 3_000_000;
/** The same when the best step is sent and the estimate is below what it needs. */
const FIRST_PROBE_AT_BEST: Micros = 1_000_000;
const MAX_PROBE_INTERVAL: Micros = 5_000_000;
/** The same from audio alone: on a path so slow each probe fills the queue for seconds, and is heard. */
const FIRST_PROBE_AUDIO: Micros = 12_000_000;
const MAX_PROBE_INTERVAL_AUDIO: Micros = 30_000_000;

export interface SelectorInput {
  readonly estimateBps: number;
  /** What was passed to the sender in the last second. */
  readonly offeredBps: number;
  /** How long the sender's queue would take to empty. */
  readonly queueMicros: Micros;
}

export class RenditionSelector {
  /** Index of the step to send. */
  wanted = 0;
  /** The best step that the receiver asks for. */
  private best = 0;
  private changedAt = Number.NEGATIVE_INFINITY;
  private wentUpAt = Number.NEGATIVE_INFINITY;
  private settle = SETTLE;
  private roomSince: Micros | undefined;
  private queuedSince: Micros | undefined;
  private starvedSince: Micros | undefined;
  private probeAt = Number.POSITIVE_INFINITY;
  private probeInterval = FIRST_PROBE;

  /** @param needsBps what each step needs with everything that is sent beside it, best first; the last has no video. */
  constructor(private readonly needsBps: readonly number[]) {}

  /**
   * Sets the best step that the receiver needs.
   * @returns whether {@link wanted} changed.
   */
  limit(best: number, estimateBps: number, now: Micros): boolean {
    const before = this.wanted;
    const wasLimited = before === this.best;
    this.best = Math.min(best, this.needsBps.length - 1);
    if (before < this.best) this.wanted = this.best;
    // It was not the path that kept it down: take all that the path is known to carry, at once.
    else if (wasLimited) this.wanted = this.bestWithin(estimateBps, before);
    return this.changedFrom(before, now);
  }

  /** @returns whether {@link wanted} changed. */
  update(input: SelectorInput, now: Micros): boolean {
    const { estimateBps, offeredBps, queueMicros } = input;
    const before = this.wanted;
    if (queueMicros <= MAX_QUEUE) this.queuedSince = undefined;
    else this.queuedSince ??= now;
    const queued = this.queuedSince !== undefined && now - this.queuedSince > QUEUED_AFTER;
    const congested = estimateBps < DOWN_SHARE * offeredBps || queued;
    if (this.isStarved(estimateBps, now)) {
      this.wanted++;
      this.wentDown(now);
    } else if (congested && now - this.changedAt > SETTLE / 4) {
      this.down(estimateBps, now);
      if (this.wanted !== before) this.wentDown(now);
    } else this.maybeUp(estimateBps, now);
    return this.changedFrom(before, now);
  }

  /** The bitrate to probe with now; undefined if no probe is due. */
  probeDue(estimateBps: number, now: Micros): number | undefined {
    const wanted = this.need(this.probeStep) * UP_MARGIN;
    if (this.wanted === this.best) {
      // A picture that hardly changes sends too little to measure the path: a probe does.
      if (estimateBps >= wanted) {
        this.probeAt = Number.POSITIVE_INFINITY;
        return undefined;
      }
      if (this.probeAt === Number.POSITIVE_INFINITY) {
        this.probeInterval = FIRST_PROBE_AT_BEST;
        this.probeAt = now + this.probeInterval;
      }
    }
    if (now < this.probeAt) return undefined;
    const longest = this.isAudioOnly ? MAX_PROBE_INTERVAL_AUDIO : MAX_PROBE_INTERVAL;
    this.probeInterval = Math.max(this.settle, Math.min(longest, this.probeInterval * 1.5));
    this.probeAt = now + this.probeInterval;
    return wanted * 1.05;
  }

  /** Whether the least video step leaves too little for the audio. */
  private isStarved(estimateBps: number, now: Micros): boolean {
    const isLeast = this.wanted === this.needsBps.length - 2;
    if (!isLeast || estimateBps >= STARVED_SHARE * this.need(this.wanted)) {
      this.starvedSince = undefined;
      return false;
    }
    this.starvedSince ??= now;
    return now - this.starvedSince > STARVED_AFTER && now - this.changedAt > SETTLE;
  }

  private get isAudioOnly(): boolean {
    return this.wanted === this.needsBps.length - 1;
  }

  private get probeStep(): number {
    const current = this.need(this.wanted);
    let step = Math.max(this.best, this.wanted - 1);
    while (step > this.best && this.need(step) < PROBE_FACTOR * current) step--;
    return step;
  }

  private changedFrom(before: number, now: Micros): boolean {
    if (this.wanted === before) return false;
    this.changedAt = now;
    this.roomSince = undefined;
    this.probeAt = this.wanted === this.best ? Number.POSITIVE_INFINITY : now + this.probeInterval;
    return true;
  }

  private down(estimateBps: number, now: Micros): void {
    const last = this.needsBps.length - 1;
    if (this.wanted >= last - 1) {
      const hopeless = estimateBps < SUSPEND_SHARE * this.need(last - 1);
      if (hopeless && now - this.changedAt > SETTLE) this.wanted = last;
      return;
    }
    let next = this.wanted + 1;
    while (next < last - 1 && this.need(next) > estimateBps) next++;
    this.wanted = next;
  }

  private wentDown(now: Micros): void {
    const lasted = now - this.wentUpAt > LASTING;
    this.settle = lasted ? SETTLE : Math.min(MAX_SETTLE, this.settle * 2);
    const first = this.isAudioOnly ? FIRST_PROBE_AUDIO : FIRST_PROBE;
    this.probeInterval = Math.max(first, this.settle);
  }

  private maybeUp(estimateBps: number, now: Micros): void {
    const next = this.bestWithin(estimateBps, this.wanted);
    if (next === this.wanted) {
      this.roomSince = undefined;
      return;
    }
    this.roomSince ??= now;
    const upAfter = this.isAudioOnly ? UP_AFTER_AUDIO : UP_AFTER;
    if (now - this.roomSince < upAfter || now - this.changedAt < this.settle) return;
    this.wanted = next;
    this.wentUpAt = now;
    this.probeInterval = FIRST_PROBE / 2;
  }

  /** The best step that an estimate allows, with a margin; `least` if it allows none. */
  private bestWithin(estimateBps: number, least: number): number {
    for (let step = this.best; step < least; step++) {
      if (this.need(step) * UP_MARGIN <= estimateBps) return step;
    }
    return least;
  }

  private need(index: number): number {
    return this.needsBps[index] as number;
  }
}

/**
 * Which of the composite's renditions one client gets, by what its path takes. Down as soon as more
 * is sent than gets through, up when the estimate allows the next one for a while; probes find out
 * whether it would. Pure; times in microseconds.
 */
import type { Micros } from '../shared/units.js';

/** Sound, feedback and retransmissions beside the picture. */
const BESIDE_BPS = 80_000;
/** The estimate that the next better rendition needs, over its bitrate. */
const UP_MARGIN = 1.1;
const UP_AFTER: Micros = 500_000;
/** No better rendition sooner than this after any change. */
const SETTLE: Micros = 2_000_000;
/** A better rendition that did not last so long was too much: the next try waits twice as long. */
const LASTING: Micros = 10_000_000;
const MAX_SETTLE: Micros = 60_000_000;
/** An estimate below this share of what is sent tells of congestion, not of little being sent. */
const DOWN_SHARE = 0.6;
/** A queue that stays this long for so long is congestion; shorter, it is a keyframe on its way. */
const MAX_QUEUE: Micros = 250_000;
const QUEUED_AFTER: Micros = 500_000;
/** Below this share of the smallest rendition's need no picture is sent at all. */
const SUSPEND_SHARE = 0.6;
const FIRST_PROBE: Micros = 3_000_000;
/** When the best rendition is sent and the estimate fell below what it may take. */
const FIRST_PROBE_AT_BEST: Micros = 1_000_000;
const MAX_PROBE_INTERVAL: Micros = 5_000_000;

export interface SelectorInput {
  readonly estimateBps: number;
  /** What was given to the sender in the last second. */
  readonly offeredBps: number;
  /** How long the sender's queue would take to empty. */
  readonly queueMicros: Micros;
}

export class RenditionSelector {
  /** Index of the rendition to send; `bitratesBps.length` stands for none. */
  wanted = 0;
  private changedAt = Number.NEGATIVE_INFINITY;
  private wentUpAt = Number.NEGATIVE_INFINITY;
  private settle = SETTLE;
  private roomSince: Micros | undefined;
  private queuedSince: Micros | undefined;
  private probeAt = Number.POSITIVE_INFINITY;
  private probeInterval = FIRST_PROBE;

  /** @param bitratesBps of the renditions, best first. */
  constructor(private readonly bitratesBps: readonly number[]) {}

  /** @returns whether {@link wanted} changed. */
  update(input: SelectorInput, now: Micros): boolean {
    const { estimateBps, offeredBps, queueMicros } = input;
    const before = this.wanted;
    if (queueMicros <= MAX_QUEUE) this.queuedSince = undefined;
    else this.queuedSince ??= now;
    const queued = this.queuedSince !== undefined && now - this.queuedSince > QUEUED_AFTER;
    const congested = estimateBps < DOWN_SHARE * offeredBps || queued;
    if (congested && now - this.changedAt > SETTLE / 4) {
      this.down(estimateBps, now);
      if (this.wanted !== before) this.wentDown(now);
    } else this.maybeUp(estimateBps, now);
    if (this.wanted === before) return false;
    this.changedAt = now;
    this.roomSince = undefined;
    this.probeAt = this.wanted === 0 ? Number.POSITIVE_INFINITY : now + this.probeInterval;
    return true;
  }

  /** Bitrate to probe with now; undefined while there is nothing to find out. */
  probeDue(estimateBps: number, now: Micros): number | undefined {
    const wanted = this.need(Math.max(0, this.wanted - 1)) * UP_MARGIN;
    if (this.wanted === 0) {
      // The little that a still picture takes says little of the path: it is found out by probing.
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
    this.probeInterval = Math.max(
      this.settle,
      Math.min(MAX_PROBE_INTERVAL, this.probeInterval * 1.5),
    );
    this.probeAt = now + this.probeInterval;
    return wanted * 1.05;
  }

  private down(estimateBps: number, now: Micros): void {
    const count = this.bitratesBps.length;
    if (this.wanted >= count - 1) {
      const hopeless = estimateBps < SUSPEND_SHARE * this.need(count - 1);
      if (hopeless && now - this.changedAt > SETTLE) this.wanted = count;
      return;
    }
    let next = this.wanted + 1;
    while (next < count - 1 && this.need(next) > estimateBps) next++;
    this.wanted = next;
  }

  private wentDown(now: Micros): void {
    const lasted = now - this.wentUpAt > LASTING;
    this.settle = lasted ? SETTLE : Math.min(MAX_SETTLE, this.settle * 2);
    this.probeInterval = Math.max(FIRST_PROBE, this.settle);
  }

  private maybeUp(estimateBps: number, now: Micros): void {
    if (this.wanted === 0) return;
    if (estimateBps < this.need(this.wanted - 1) * UP_MARGIN) {
      this.roomSince = undefined;
      return;
    }
    this.roomSince ??= now;
    if (now - this.roomSince < UP_AFTER || now - this.changedAt < this.settle) return;
    this.wanted--;
    this.wentUpAt = now;
    this.probeInterval = FIRST_PROBE / 2;
  }

  private need(index: number): number {
    return (this.bitratesBps[index] as number) + BESIDE_BPS;
  }
}

/**
 * Controls the estimate of what a path takes: multiplicative increase far from the last congestion,
 * additive increase near it, decrease to 85 % of what arrived (draft-ietf-rmcat-gcc-02, 5.5). Pure;
 * times in microseconds.
 */

import type { Micros } from '../util/units.js';
import type { Usage } from './overuse-detector.js';

const DECREASE = 0.85;
const INCREASE_PER_SECOND = 1.08;
const PACKET_BITS = 1200 * 8;
/** The estimate grows to at most this many times what was carried: nothing is known beyond it. */
const MAX_OVER_CARRIED = 1.5;
const HEADROOM_BPS = 10_000;

export class RateController {
  private state: 'increase' | 'hold' | 'decrease' = 'increase';
  /** Mean and deviation of what the path carried at congestion. */
  private capacity: { mean: number; deviation: number } | undefined;
  private changedAt: Micros | undefined;
  private decreasedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private rate: number,
    private readonly minBps: number,
    private readonly maxBps: number,
  ) {}

  get bitrateBps(): number {
    return this.rate;
  }

  /** Sets the estimate from a probe, or from loss. */
  set(bitrateBps: number): void {
    this.rate = this.clamp(bitrateBps);
  }

  /**
   * @param carriedBps what the path has carried lately; undefined while unknown.
   * @param roundTrip the least time between two decreases.
   */
  update(usage: Usage, carriedBps: number | undefined, roundTrip: Micros, now: Micros): void {
    const since = Math.min(1_000_000, now - (this.changedAt ?? now)) / 1_000_000;
    if (usage === 'overuse') this.state = 'decrease';
    else if (usage === 'underuse') this.state = 'hold';
    else if (this.state !== 'increase') {
      // One step from decrease to hold, the next to increase.
      this.state = this.state === 'decrease' ? 'hold' : 'increase';
    }
    this.changedAt = now;
    if (this.state === 'decrease') this.decrease(carriedBps, roundTrip, now);
    else if (this.state === 'increase') this.increase(carriedBps, roundTrip, since);
  }

  private decrease(carriedBps: number | undefined, roundTrip: Micros, now: Micros): void {
    if (now - this.decreasedAt < Math.max(200_000, roundTrip)) return;
    const carried = carriedBps ?? this.rate;
    const next = DECREASE * carried;
    if (next >= this.rate) return;
    this.decreasedAt = now;
    this.learnCapacity(carried);
    this.rate = this.clamp(next);
  }

  private increase(carriedBps: number | undefined, roundTrip: Micros, seconds: number): void {
    if (carriedBps !== undefined && this.capacity) {
      const { mean, deviation } = this.capacity;
      if (carriedBps > mean + 3 * deviation) this.capacity = undefined;
    }
    const response = Math.max(0.1, roundTrip / 1_000_000 + 0.1);
    const step = this.capacity
      ? (PACKET_BITS / response) * seconds
      : this.rate * (INCREASE_PER_SECOND ** seconds - 1);
    const limit =
      carriedBps === undefined ? this.rate : MAX_OVER_CARRIED * carriedBps + HEADROOM_BPS;
    // A path does not get worse because little is sent at the moment.
    this.rate = this.clamp(Math.max(this.rate, Math.min(this.rate + step, limit)));
  }

  private learnCapacity(bps: number): void {
    if (!this.capacity || bps < this.capacity.mean - 3 * this.capacity.deviation) {
      this.capacity = { mean: bps, deviation: bps * 0.1 };
      return;
    }
    const { mean, deviation } = this.capacity;
    const next = 0.95 * mean + 0.05 * bps;
    const spread = 0.95 * deviation + 0.05 * Math.abs(bps - next);
    this.capacity = { mean: next, deviation: Math.max(next * 0.02, spread) };
  }

  private clamp(bps: number): number {
    return Math.min(this.maxBps, Math.max(this.minBps, bps));
  }
}

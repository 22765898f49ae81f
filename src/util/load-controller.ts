/**
 * Load control in steps: a step down after two seconds over 85 % of the budget, a step up after ten
 * seconds under 60 %. After a step up that did not last, the next one waits twice as long. Pure; times
 * in microseconds.
 */
import type { Micros } from './units.js';

const OVER = 0.85;
const UNDER = 0.6;
const DOWN_AFTER: Micros = 2_000_000;
const UP_AFTER: Micros = 10_000_000;
const MAX_UP_AFTER: Micros = 80_000_000;
/** A step up that is reverted within this time did not last. */
const LASTING: Micros = 15_000_000;
/** One tick counts for no more than this: an encoder that is opened is no load. */
const MOST = 4;
/** How long the load must be over the budget to count as overload. */
const OVERLOADED_AFTER: Micros = 1_000_000;
/** Time constant of the smoothing. */
const SMOOTHING: Micros = 500_000;

export class LoadController {
  readonly counters = { load_steps_down: 0, load_steps_up: 0 };
  /** Steps taken. */
  level = 0;
  private smoothed = 0;
  private updatedAt: Micros | undefined;
  private overSince: Micros | undefined;
  private underSince: Micros | undefined;
  private wentUpAt = Number.NEGATIVE_INFINITY;
  private upAfter = UP_AFTER;

  /** @param most the number of steps. */
  constructor(private readonly most: number) {}

  /** Smoothed share of the budget. */
  get load(): number {
    return this.smoothed;
  }

  /** Whether the load has been over the budget for a while. */
  get overloaded(): boolean {
    const since = (this.updatedAt ?? 0) - (this.overSince ?? this.updatedAt ?? 0);
    return since >= OVERLOADED_AFTER;
  }

  /** @param load share of the budget that was used. @returns whether {@link level} changed. */
  update(load: number, now: Micros): boolean {
    const share = 1 - Math.exp(-(now - (this.updatedAt ?? now)) / SMOOTHING);
    this.smoothed += share * (Math.min(load, MOST) - this.smoothed);
    this.updatedAt = now;
    this.overSince = this.smoothed > OVER ? (this.overSince ?? now) : undefined;
    this.underSince = this.smoothed < UNDER ? (this.underSince ?? now) : undefined;
    if (this.overSince !== undefined && now - this.overSince >= DOWN_AFTER) {
      return this.down(now);
    }
    if (this.underSince !== undefined && now - this.underSince >= this.upAfter) {
      return this.up(now);
    }
    return false;
  }

  private down(now: Micros): boolean {
    this.overSince = now;
    if (this.level === this.most) return false;
    const lasted = now - this.wentUpAt > LASTING;
    this.upAfter = lasted ? UP_AFTER : Math.min(MAX_UP_AFTER, this.upAfter * 2);
    this.level++;
    this.counters.load_steps_down++;
    return true;
  }

  private up(now: Micros): boolean {
    this.underSince = now;
    if (this.level === 0) return false;
    this.wentUpAt = now;
    this.level--;
    this.counters.load_steps_up++;
    return true;
  }
}

/**
 * Counts as a freeze what WebRTC's statistics count as one (`freezeCount`): an interval between two
 * pictures of three times the usual one, and at least 150 ms more than it. Pure.
 */
import type { Micros } from '../../util/units.js';

const FREEZE: Micros = 150_000;
/** Intervals that the usual one is the mean of. */
const INTERVALS = 30;

export class FreezeDetector {
  /** When the last picture came; 0 if there is none. */
  lastAt: Micros = 0;
  /** From picture to picture; 0 if unknown. */
  usualInterval: Micros = 0;

  /** A picture came. @returns whether a freeze ended with it. */
  add(now: Micros): boolean {
    const interval = now - this.lastAt;
    const isFirst = this.lastAt === 0;
    this.lastAt = now;
    const usual = this.usualInterval;
    if (isFirst || usual === 0) {
      this.usualInterval = isFirst ? 0 : interval;
      return false;
    }
    this.usualInterval += (interval - usual) / INTERVALS;
    return interval > Math.max(3 * usual, usual + FREEZE);
  }

  /** The camera went off: the pause that follows is no freeze. */
  reset(): void {
    this.lastAt = 0;
  }
}

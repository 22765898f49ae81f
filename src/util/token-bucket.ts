import type { Micros } from './units.js';

/** A rate limit per second; after a pause a whole second's share may pass at once. Pure; times in microseconds. */
export class TokenBucket {
  private tokens: number;
  private at: Micros | undefined;

  constructor(
    private readonly perSecond: number,
    private readonly burst = perSecond,
  ) {
    this.tokens = burst;
  }

  /** @returns whether one more may pass. */
  take(now: Micros): boolean {
    const since = now - (this.at ?? now);
    this.at = now;
    this.tokens = Math.min(this.burst, this.tokens + (since * this.perSecond) / 1_000_000);
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }
}

/**
 * When one stream is asked for a keyframe. Requests that nothing answers become rarer, and after some
 * of them the sender is known to ignore them. Pure; times in microseconds.
 */
import type { Micros } from '../util/units.js';

/** The first two requests are this far apart; then the pauses double. */
export const KEYFRAME_REQUEST_INTERVAL: Micros = 500_000;
const LONGEST_INTERVAL: Micros = 4_000_000;
/** A keyframe that comes later than this after a request is no answer to it. */
const ANSWERED_WITHIN: Micros = 1_500_000;
/** After this many requests without an answer they count as ignored. */
const IGNORED_AFTER = 2;

export class KeyframeRequests {
  private askedAt = Number.NEGATIVE_INFINITY;
  /** No keyframe has begun since the last request. */
  private pending = false;
  /** Requests in a row without an answer. */
  private unanswered = 0;

  /** Whether to ask now, which then counts as asked. */
  due(now: Micros): boolean {
    const doublings = this.pending ? Math.max(0, this.unanswered - 1) : 0;
    const interval = Math.min(LONGEST_INTERVAL, KEYFRAME_REQUEST_INTERVAL * 2 ** doublings);
    if (now - this.askedAt < interval) return false;
    if (this.pending) this.unanswered++;
    this.pending = true;
    this.askedAt = now;
    return true;
  }

  /** The first packet of a keyframe arrived. */
  keyframeBegan(now: Micros): void {
    if (this.pending && now - this.askedAt <= ANSWERED_WITHIN) this.unanswered = 0;
    this.pending = false;
  }

  /** The sender does not answer: there is no point in waiting for a keyframe. */
  get areIgnored(): boolean {
    return this.unanswered >= IGNORED_AFTER;
  }
}

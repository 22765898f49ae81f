/** Pauses before something that failed is tried again, for each key on its own. Pure: takes `now`. */
import { Backoff, type BackoffOptions } from './backoff.js';
import type { Micros } from './units.js';

interface Failing {
  readonly backoff: Backoff;
  retryAt: Micros;
}

export class RetryGate<K> {
  private readonly failing = new Map<K, Failing>();

  constructor(private readonly options: BackoffOptions) {}

  /** Whether no pause of this key is under way. */
  mayTry(key: K, now: Micros): boolean {
    const entry = this.failing.get(key);
    return entry === undefined || now >= entry.retryAt;
  }

  /** Counts a failure: the next pause of this key begins. */
  failed(key: K, now: Micros): void {
    const entry = this.failing.get(key) ?? { backoff: new Backoff(this.options), retryAt: 0 };
    this.failing.set(key, entry);
    entry.retryAt = now + 1000 * entry.backoff.failed(now / 1000);
  }

  /** Keys that are not in `wanted` start without a pause when they come back. */
  keepOnly(wanted: ReadonlySet<K>): void {
    for (const key of this.failing.keys()) if (!wanted.has(key)) this.failing.delete(key);
  }
}

/** Pauses between attempts: each longer than the one before, up to a limit. Pure: no clock, no timer. */

export interface BackoffOptions {
  /** Pause before the first retry, in milliseconds. With `immediate`, before the second. */
  readonly firstMs: number;
  /** The longest pause, in milliseconds, before jitter is added. */
  readonly maxMs: number;
  /** What each pause is multiplied by to get the next one. Default 2. */
  readonly factor?: number;
  /** Retry at once after the first failure. Default false. */
  readonly immediate?: boolean;
  /** Random share by which a pause is shorter or longer: 0.25 gives 75 % to 125 %. Default 0. */
  readonly jitter?: number;
  /**
   * After this many milliseconds without a failure, counted from the last retry, the next failure
   * counts as the first again. Default: only {@link Backoff.succeeded} starts over.
   */
  readonly calmMs?: number;
}

/**
 * @param failures in a row, 1 for the first.
 * @param random gives numbers from 0 up to 1, for the jitter.
 * @returns milliseconds to wait before the next attempt.
 */
export function backoffMs(
  failures: number,
  { firstMs, maxMs, factor = 2, immediate = false, jitter = 0 }: BackoffOptions,
  random: () => number = Math.random,
): number {
  const exponent = failures - (immediate ? 2 : 1);
  if (exponent < 0) return 0;
  const pause = Math.min(maxMs, firstMs * factor ** exponent);
  return pause * (1 + jitter * (random() * 2 - 1));
}

/** Counts failures in a row and gives the pause after each. */
export class Backoff {
  private count = 0;
  /** When the latest retry was due, on the caller's clock. */
  private retryAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly options: BackoffOptions,
    private readonly random: () => number = Math.random,
  ) {}

  /** Failures in a row. */
  get failures(): number {
    return this.count;
  }

  /**
   * Counts a failure.
   * @param nowMs on any clock that does not jump, always the same one.
   * @returns milliseconds to wait before the next attempt.
   */
  failed(nowMs: number): number {
    const { calmMs = Number.POSITIVE_INFINITY } = this.options;
    if (nowMs - this.retryAtMs > calmMs) this.count = 0;
    this.count++;
    const pause = backoffMs(this.count, this.options, this.random);
    this.retryAtMs = nowMs + pause;
    return pause;
  }

  /** The attempt succeeded: the next failure counts as the first. */
  succeeded(): void {
    this.count = 0;
  }
}

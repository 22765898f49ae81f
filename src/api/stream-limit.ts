/** How many event streams one token and one address may hold open. */
import { TesseraError } from '../errors.js';

export interface StreamLimits {
  readonly streamsPerToken: number;
  readonly streamsPerAddress: number;
}

export class StreamLimit {
  /** Open streams by token and by address. */
  private readonly open = new Map<string, number>();

  constructor(private readonly limits: StreamLimits) {}

  /**
   * Counts one more. @param token its digest; undefined on a server without keys.
   * @returns a function that ends it; it may be called more than once.
   * @throws TesseraError `too_many_requests`.
   */
  take(token: string | undefined, address: string): () => void {
    const { streamsPerToken, streamsPerAddress } = this.limits;
    const wanted: [string, number][] = [[`address ${address}`, streamsPerAddress]];
    if (token !== undefined) wanted.push([`token ${token}`, streamsPerToken]);
    if (wanted.some(([key, most]) => (this.open.get(key) ?? 0) >= most)) {
      throw new TesseraError(
        'too_many_requests',
        'too many event streams of one token or address',
        {
          next: 'Close some, or raise limits.streamsPerToken or limits.streamsPerAddress.',
        },
      );
    }
    for (const [key] of wanted) this.open.set(key, (this.open.get(key) ?? 0) + 1);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      for (const [key] of wanted) {
        const left = (this.open.get(key) ?? 1) - 1;
        if (left > 0) this.open.set(key, left);
        else this.open.delete(key);
      }
    };
  }
}

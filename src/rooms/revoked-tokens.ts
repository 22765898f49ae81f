/** Tokens of participants who were removed. They are refused until they expire. */

import { TesseraError } from '../errors.js';
import type { RecordStore } from '../util/record-store.js';
import type { Grant } from './grant.js';

export interface Revocation {
  /** In ms since 1970. */
  readonly expiresAt: number;
}

/** Kept for this time after the token expires: clocks differ, and the token may have been renewed. */
const KEPT_MS = 3_600_000;

export class RevokedTokens {
  private readonly ends = new Map<string, number>();

  constructor(private readonly store: RecordStore<Revocation>) {}

  async load(): Promise<void> {
    for (const [digest, { expiresAt }] of await this.store.load()) this.ends.set(digest, expiresAt);
    this.forgetEnded();
  }

  /** Of an invitation only for this holder: others have it too. */
  revoke({ tokenDigest, connection, expiresAt }: Grant): void {
    const key = connection ?? tokenDigest;
    if (key === undefined || expiresAt === undefined) return;
    this.forgetEnded();
    const end = Math.max(expiresAt, Date.now()) + KEPT_MS;
    this.ends.set(key, end);
    this.store.put(key, { expiresAt: end });
  }

  /** Whether this was taken back, or what it was made with. */
  has(given: Pick<Grant, 'tokenDigest'> & Partial<Grant>): boolean {
    const { tokenDigest, connection, ancestors = [] } = given;
    return [tokenDigest, connection, ...ancestors].some(
      (one) => one !== undefined && this.ends.has(one),
    );
  }

  /** Why somebody may be in a room no more; undefined while they may. */
  endOf(grant: Grant): TesseraError | undefined {
    if (this.has(grant)) return new TesseraError('removed', 'a host removed you from the room');
    if (grant.endsAt === undefined || grant.endsAt > Date.now()) return undefined;
    return new TesseraError('token_expired', 'the token has ended, and is not renewed any more', {
      next: 'Get a new one.',
    });
  }

  private forgetEnded(): void {
    for (const [digest, end] of this.ends) {
      if (end > Date.now()) continue;
      this.ends.delete(digest);
      this.store.delete(digest);
    }
  }
}

/** Tokens of participants who were removed. They are refused until they expire. */
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

  revoke({ tokenDigest, expiresAt }: Grant): void {
    if (tokenDigest === undefined || expiresAt === undefined) return;
    this.forgetEnded();
    const end = Math.max(expiresAt, Date.now()) + KEPT_MS;
    this.ends.set(tokenDigest, end);
    this.store.put(tokenDigest, { expiresAt: end });
  }

  has({ tokenDigest }: Pick<Grant, 'tokenDigest'>): boolean {
    return tokenDigest !== undefined && this.ends.has(tokenDigest);
  }

  private forgetEnded(): void {
    for (const [digest, end] of this.ends) {
      if (end > Date.now()) continue;
      this.ends.delete(digest);
      this.store.delete(digest);
    }
  }
}

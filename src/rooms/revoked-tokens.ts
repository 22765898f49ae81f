/** Tokens of people who were removed: they let nobody in again for the rest of their lives. */
import type { RecordStore } from '../shared/record-store.js';
import type { Grant } from './grant.js';

export interface Revocation {
  /** In ms since 1970. */
  readonly expiresAt: number;
}

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
    this.ends.set(tokenDigest, expiresAt);
    this.store.put(tokenDigest, { expiresAt });
  }

  has({ tokenDigest }: Pick<Grant, 'tokenDigest'>): boolean {
    return tokenDigest !== undefined && this.ends.has(tokenDigest);
  }

  private forgetEnded(): void {
    for (const [digest, end] of this.ends) {
      // Clocks may be off: an hour more than the token says.
      if (end + 3_600_000 > Date.now()) continue;
      this.ends.delete(digest);
      this.store.delete(digest);
    }
  }
}

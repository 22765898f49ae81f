/**
 * Digests of the resume tokens of everybody who was let in and not removed. Who has such a token may
 * come back into a room that is locked or has a lobby, also after a restart of the server.
 */
import { createHash } from 'node:crypto';
import type { Grant } from './grant.js';

/** When there are more, the oldest are forgotten. */
const MAX_DIGESTS = 4096;

/** Whose resume token it is: nobody else comes back with it. */
type Holder = Pick<Grant, 'identity' | 'tokenDigest'>;

function digestOf(resumeToken: string, { identity, tokenDigest }: Holder): string {
  const holder = identity ?? tokenDigest ?? '';
  return createHash('sha256')
    .update(JSON.stringify([resumeToken, holder]))
    .digest('base64url');
}

export class ResumeDigests {
  private readonly digests: Set<string>;

  /** @param digests of a room that goes on after a restart. */
  constructor(digests: readonly string[] = []) {
    this.digests = new Set(digests);
  }

  /** The oldest first. */
  get list(): readonly string[] {
    return [...this.digests];
  }

  has(resumeToken: string, holder: Holder): boolean {
    return this.digests.has(digestOf(resumeToken, holder));
  }

  add(resumeToken: string, holder: Holder): void {
    this.digests.add(digestOf(resumeToken, holder));
    const [oldest] = this.digests;
    if (this.digests.size > MAX_DIGESTS && oldest) this.digests.delete(oldest);
  }

  delete(resumeToken: string, holder: Holder): void {
    this.digests.delete(digestOf(resumeToken, holder));
  }
}

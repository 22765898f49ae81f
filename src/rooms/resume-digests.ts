/**
 * Digests of the resume tokens of everybody who was let in and not removed. Who has such a token may
 * come back into a room that is locked or has a lobby, also after a restart of the server.
 */
import { createHash } from 'node:crypto';

/** When there are more, the oldest are forgotten. */
const MAX_DIGESTS = 4096;

function digestOf(resumeToken: string): string {
  return createHash('sha256').update(resumeToken).digest('base64url');
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

  has(resumeToken: string): boolean {
    return this.digests.has(digestOf(resumeToken));
  }

  add(resumeToken: string): void {
    this.digests.add(digestOf(resumeToken));
    const [oldest] = this.digests;
    if (this.digests.size > MAX_DIGESTS && oldest) this.digests.delete(oldest);
  }

  delete(resumeToken: string): void {
    this.digests.delete(digestOf(resumeToken));
  }
}

/**
 * Roles that hosts gave to people, by room. They hold for the person, who may come back with the same token
 * or another one of the same identity, until the token has ended.
 */
import { createHash } from 'node:crypto';
import type { Role } from '../protocol/participants.js';
import type { RecordStore } from '../util/record-store.js';
import type { Grant } from './grant.js';

export interface RoleChange {
  readonly role: Role;
  /** In ms since 1970. */
  readonly expiresAt: number;
}

/** As far as it says who somebody is. */
export type Holder = Pick<Grant, 'identity' | 'tokenDigest' | 'connection' | 'ancestors'>;

/** Kept for this time after the token ends: clocks differ. */
const KEPT_MS = 3_600_000;

function keyOf(room: string, kind: 'identity' | 'token', who: string): string {
  return createHash('sha256').update(JSON.stringify([room, kind, who])).digest('base64url');
}

/** Of an invitation the key is that of the holder: others have it too. */
function keysOf(room: string, { identity, connection, tokenDigest }: Holder): readonly string[] {
  const token = connection ?? tokenDigest;
  return [
    ...(identity === undefined ? [] : [keyOf(room, 'identity', identity)]),
    ...(token === undefined ? [] : [keyOf(room, 'token', token)]),
  ];
}

export class RoleChanges {
  private readonly changes = new Map<string, RoleChange>();

  constructor(private readonly store: RecordStore<RoleChange>) {}

  async load(): Promise<void> {
    for (const [key, change] of await this.store.load()) this.changes.set(key, change);
    this.forgetEnded();
  }

  /** Does nothing without a token: nobody can be told from others then. */
  keep(room: string, grant: Grant, role: Role): void {
    const { endsAt, expiresAt } = grant;
    if (endsAt === undefined || expiresAt === undefined) return;
    this.forgetEnded();
    const change = { role, expiresAt: Math.max(endsAt, expiresAt, Date.now()) + KEPT_MS };
    for (const key of keysOf(room, grant)) {
      this.changes.set(key, change);
      this.store.put(key, change);
    }
  }

  /**
   * The role that somebody was given; undefined if their token's role holds. Whose token was made by somebody
   * who is host no more is no host either.
   */
  of(room: string, holder: Holder): Role | undefined {
    for (const key of keysOf(room, holder)) {
      const own = this.changes.get(key);
      if (own) return own.role;
    }
    const isDemoted = holder.ancestors.some((one) => {
      const change = this.changes.get(keyOf(room, 'token', one));
      return change !== undefined && change.role !== 'host';
    });
    return isDemoted ? 'participant' : undefined;
  }

  private forgetEnded(): void {
    for (const [key, { expiresAt }] of this.changes) {
      if (expiresAt > Date.now()) continue;
      this.changes.delete(key);
      this.store.delete(key);
    }
  }
}

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
  /** They were a host before. */
  readonly demoted: boolean;
  /** In ms since 1970. */
  readonly expiresAt: number;
}

/** As far as it says who somebody is. */
export type Holder = Pick<Grant, 'identity' | 'tokenDigest' | 'connection' | 'ancestors'>;

/** Kept for this time after the token ends: clocks differ. */
const KEPT_MS = 3_600_000;

function keyOf(room: string, kind: 'identity' | 'token', who: string): string {
  return createHash('sha256')
    .update(JSON.stringify([room, kind, who]))
    .digest('base64url');
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
  keep(room: string, grant: Grant, from: Role, role: Role): void {
    const { endsAt, expiresAt } = grant;
    if (endsAt === undefined || expiresAt === undefined) return;
    this.forgetEnded();
    const wasDemoted = from === 'host' || this.own(room, grant)?.demoted === true;
    const demoted = role !== 'host' && wasDemoted;
    const change = { role, demoted, expiresAt: Math.max(endsAt, expiresAt, Date.now()) + KEPT_MS };
    for (const key of keysOf(room, grant)) {
      this.changes.set(key, change);
      this.store.put(key, change);
    }
  }

  /** The role of somebody whose token says `role`. */
  roleOf(room: string, holder: Holder, role: Role): Role {
    const own = this.own(room, holder);
    if (own) return own.role;
    return role === 'host' && this.isDemoted(room, holder) ? 'participant' : role;
  }

  /** Whether they, or those who made their token, were a host and are none any more. */
  isDemoted(room: string, holder: Holder): boolean {
    const own = this.own(room, holder);
    if (own) return own.demoted;
    return holder.ancestors.some((one) => this.changes.get(keyOf(room, 'token', one))?.demoted);
  }

  private own(room: string, holder: Holder): RoleChange | undefined {
    for (const key of keysOf(room, holder)) {
      const change = this.changes.get(key);
      if (change) return change;
    }
    return undefined;
  }

  private forgetEnded(): void {
    for (const [key, { expiresAt }] of this.changes) {
      if (expiresAt > Date.now()) continue;
      this.changes.delete(key);
      this.store.delete(key);
    }
  }
}

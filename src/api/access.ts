/** Who makes a request and what they may do: for HTTP and for the upgrade of signalling sockets. */
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { type ApiKey, makeKey } from '../config/api-keys.js';
import { TesseraError } from '../errors.js';
import type { Role } from '../protocol/participants.js';
import type { Caller, RecordingAccess } from '../rooms/caller.js';
import { type Grant, OPEN_GRANT } from '../rooms/grant.js';
import type { RevokedTokens } from '../rooms/revoked-tokens.js';
import type { RoleChanges } from '../rooms/role-changes.js';
import { isLoopback } from '../util/loopback.js';
import {
  grantOf,
  signToken,
  type TokenContents,
  type VerifiedToken,
  type VideoGrant,
  verifyToken,
} from './access-token.js';

export interface AccessOptions {
  /** If there are none, everybody may do everything. */
  readonly keys: readonly ApiKey[];
  readonly clockSkewSeconds: number;
  readonly tokenSeconds: number;
  readonly maxMintedSeconds: number;
  readonly renewSeconds: number;
}

/** Life of renewed tokens. Clients get one before theirs expires, so that they can always reconnect. */
const RENEWED_SECONDS = 600;

/** What is left to somebody who is no host any more. */
const NO_HOST = { roomAdmin: false, roomRecord: false };

/** What a request to the API may do. */
export type Permission =
  | { readonly kind: 'create' }
  | { readonly kind: 'list' }
  | { readonly kind: 'admin'; readonly room: string }
  /** The room's recordings: play them; with `writes` also start, stop and delete them. */
  | { readonly kind: 'record'; readonly room: string; readonly writes: boolean };

/** What a request was allowed. */
export interface Right {
  /** Of the token; undefined on a server without keys. */
  readonly tokenDigest: string | undefined;
  /** Whether it is still allowed: the token has not ended, and nobody took it or its role back. */
  holds(): boolean;
}

/** The host of a URL or a Host header, without its port. */
function hostOf(header: string): string {
  const url = `http://${header}`;
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
}

function isAllowed(video: VideoGrant, permission: Permission): boolean {
  const { roomCreate, roomList, roomAdmin, roomRecord, roomPlayback } = video;
  if (permission.kind === 'create') return roomCreate === true;
  if (permission.kind === 'list') return roomList === true;
  if (video.room !== undefined && video.room !== permission.room) return false;
  if (permission.kind === 'admin') return roomAdmin === true;
  return roomAdmin || roomRecord || (!permission.writes && roomPlayback) || false;
}

/** Rounded down; without an end there is always enough. */
function secondsTo(end = Number.POSITIVE_INFINITY): number {
  return Math.floor((end - Date.now()) / 1000);
}

/** Tells those apart who hold the same invitation; undefined if the token says who they are. */
function connectionOf({ identity, digest }: VerifiedToken, { ip }: FastifyRequest) {
  if (identity !== undefined) return undefined;
  return createHash('sha256').update(`${digest} ${ip}`).digest('base64url');
}

export class Access {
  /** Nobody needs a token. */
  readonly open: boolean;
  private readonly keys: readonly ApiKey[];

  constructor(
    private readonly options: AccessOptions,
    private readonly revoked: RevokedTokens,
    private readonly roles: RoleChanges,
  ) {
    this.open = options.keys.length === 0;
    // Tokens of an open server are valid while it runs.
    this.keys = this.open ? [makeKey()] : options.keys;
  }

  /** @throws TesseraError `unauthorized`, `token_expired` or `forbidden`. */
  async require(request: FastifyRequest, permission: Permission): Promise<Right> {
    this.checkHost(request);
    const token = await this.tokenOf(request);
    if (!token) return { tokenDigest: undefined, holds: () => true };
    if (token.expired) throw new TesseraError('token_expired', 'the token has expired');
    const connection = connectionOf(token, request);
    const { identity, digest: tokenDigest, ancestors } = token;
    const holder = { identity, tokenDigest, ancestors, connection };
    const isRight = () => {
      const isDemoted = 'room' in permission && this.roles.isDemoted(permission.room, holder);
      const video = isDemoted ? { ...token.video, ...NO_HOST } : token.video;
      return isAllowed(video, permission) && !this.revoked.has(holder);
    };
    const end = token.expiresAt + this.options.clockSkewSeconds * 1000;
    if (isRight()) return { tokenDigest, holds: () => Date.now() < end && isRight() };
    const claim = {
      create: 'roomCreate',
      list: 'roomList',
      admin: 'roomAdmin for this room',
      record: 'roomRecord for this room',
    };
    throw new TesseraError('forbidden', 'the token does not allow that', {
      next: `It needs video.${claim[permission.kind]}.`,
    });
  }

  /** Who opens a signalling socket or a WHIP or WHEP session. @throws TesseraError `unauthorized` or `forbidden`. */
  async callerOf(request: FastifyRequest): Promise<Caller> {
    this.checkHost(request);
    const token = await this.tokenOf(request);
    if (!token) {
      const nothing = async () => undefined;
      return { grant: OPEN_GRANT, expired: false, revoked: () => false, renew: nothing };
    }
    const connection = connectionOf(token, request);
    const endsAt = this.endOf(token);
    const grant: Grant = { ...grantOf(token), connection, endsAt };
    const caller = {
      grant,
      expired: token.expired,
      revoked: () => this.revoked.has(grant),
      renew: this.renewal(token, grant),
    };
    if (caller.revoked()) throw new TesseraError('removed', 'a host removed you from the room');
    return caller;
  }

  /**
   * Makes a token on behalf of a caller. It ends with the caller's own, or earlier.
   * @param seconds that are wished for.
   * @returns the token, and its end in seconds since 1970.
   * @throws TesseraError `forbidden`, `unauthorized`.
   */
  async mint(
    request: FastifyRequest,
    { seconds, ...contents }: Omit<TokenContents, 'seconds'> & { readonly seconds?: number },
  ): Promise<{ readonly token: string; readonly expiresAt: number }> {
    const { maxMintedSeconds, tokenSeconds } = this.options;
    const parent = await this.tokenOf(request);
    const left = parent ? secondsTo(parent.expiresAt) : maxMintedSeconds;
    const life = Math.max(1, Math.min(seconds ?? tokenSeconds, maxMintedSeconds, left));
    const from = parent && [...parent.ancestors, parent.digest];
    const token = await this.sign({ ...contents, seconds: life, from });
    return { token, expiresAt: Math.floor(Date.now() / 1000) + life };
  }

  /** What somebody in a room may do with its recordings. */
  async recordingAccess(
    room: string,
    role: Role,
    { identity, tokenDigest, connection, ancestors, endsAt }: Grant,
    playbackForAll: boolean,
  ): Promise<RecordingAccess> {
    const writes = role === 'host';
    const reads = writes || playbackForAll;
    if (this.open || !reads) return { reads, writes };
    const video = { room, ...(writes ? { roomRecord: true } : { roomPlayback: true }) };
    const seconds = Math.max(1, Math.min(RENEWED_SECONDS, secondsTo(endsAt)));
    const from = [...ancestors, tokenDigest, connection].flatMap((one) => one ?? []);
    return { reads, writes, token: await this.sign({ identity, video, seconds, from }) };
  }

  /** A function that gives the next token when the latest has less than RENEWED_SECONDS left. */
  private renewal(
    { identity, name, video, digest, expiresAt }: VerifiedToken,
    { connection, ancestors, endsAt: until }: Grant,
  ) {
    let end = expiresAt;
    // Those who hold the same invitation are told apart after this.
    const isNew = connection !== undefined && !ancestors.includes(connection);
    const from = isNew ? [...ancestors, connection] : ancestors;
    return async (): Promise<string | undefined> => {
      if (end - Date.now() > RENEWED_SECONDS * 1000) return undefined;
      const seconds = Math.min(RENEWED_SECONDS, secondsTo(until));
      if (seconds * 1000 + Date.now() <= end) return undefined;
      end = Date.now() + seconds * 1000;
      return this.sign({ identity, name, video, seconds, root: digest, from, until });
    };
  }

  /** When the holder of a token must have left, in ms since 1970. */
  private endOf({ until, expiresAt }: VerifiedToken): number {
    return until ?? expiresAt + this.options.renewSeconds * 1000;
  }

  private sign(contents: TokenContents): Promise<string> {
    return signToken(this.keys[0] as ApiKey, contents);
  }

  /** The verified token of a request; undefined if there is none and none is needed. */
  private async tokenOf({ headers, query }: FastifyRequest): Promise<VerifiedToken | undefined> {
    const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    const { access_token: given } = (query ?? {}) as { access_token?: unknown };
    const token = bearer ?? (typeof given === 'string' && given !== '' ? given : undefined);
    if (token !== undefined) {
      return verifyToken(token, this.keys, this.options.clockSkewSeconds);
    }
    if (this.open) return undefined;
    throw new TesseraError('unauthorized', 'a token is needed', {
      next: 'Send one as `Authorization: Bearer` or `?access_token=`.',
    });
  }

  /** An open server serves its own machine only: this stops DNS rebinding by foreign pages. */
  private checkHost({ headers }: FastifyRequest): void {
    const host = hostOf(headers.host ?? '');
    if (!this.open || isLoopback(host)) return;
    throw new TesseraError('origin_refused', `without API keys only localhost is served`, {
      next: 'Set TESSERA_AUTH_KEYS to serve other names.',
    });
  }
}

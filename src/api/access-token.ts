/**
 * Access tokens: JWTs (RFC 7519) signed with HS256, in the shape of LiveKit's: `iss` is the API key,
 * `sub` the identity, `video` what they may do.
 */
import { createHash, randomUUID } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { decodeJwt, errors, jwtVerify, SignJWT } from 'jose';
import type { ApiKey } from '../config/api-keys.js';
import { TesseraError } from '../errors.js';
import type { Role } from '../protocol/participants.js';
import { type Grant, PUBLISH_SOURCES, type PublishSource } from '../rooms/grant.js';

const MAX_TOKEN_LENGTH = 8192;
const ALGORITHM = 'HS256';
/** Tokens that a token may come from, one from the other. */
const MAX_ANCESTORS = 8;

/** LiveKit's video grant, as far as Tessera knows it; what it does not know is left alone. */
export const VideoGrant = Type.Object({
  /** The only room that the token is for; for `roomAdmin` without it, all. */
  room: Type.Optional(Type.String({ maxLength: 64 })),
  roomJoin: Type.Optional(Type.Boolean()),
  /** Moderates; in the room it is a host. */
  roomAdmin: Type.Optional(Type.Boolean()),
  /** Begins, ends, plays and deletes recordings of the room. */
  roomRecord: Type.Optional(Type.Boolean()),
  /** Plays them. */
  roomPlayback: Type.Optional(Type.Boolean()),
  /** Makes and deletes rooms. */
  roomCreate: Type.Optional(Type.Boolean()),
  /** Lists rooms; sees the server's state and all events. */
  roomList: Type.Optional(Type.Boolean()),
  canPublish: Type.Optional(Type.Boolean()),
  canPublishSources: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 16 })),
  canSubscribe: Type.Optional(Type.Boolean()),
  /** Writes to the room; those who are hidden never do. */
  canPublishData: Type.Optional(Type.Boolean()),
  hidden: Type.Optional(Type.Boolean()),
});
export type VideoGrant = Static<typeof VideoGrant>;

const Claims = TypeCompiler.Compile(
  Type.Object({
    iss: Type.String(),
    exp: Type.Number(),
    sub: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
    name: Type.Optional(Type.String({ maxLength: 256 })),
    video: Type.Optional(VideoGrant),
    root: Type.Optional(Type.String({ maxLength: 64 })),
    from: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: MAX_ANCESTORS })),
    until: Type.Optional(Type.Number()),
  }),
);

export interface VerifiedToken {
  /** Undefined: an invitation, with which each is somebody new. */
  readonly identity: string | undefined;
  readonly name: string | undefined;
  readonly video: VideoGrant;
  /** Of the token, or of the first one of those that were renewed from it. */
  readonly digest: string;
  /** Digests of what it was made with: what ends one of those ends this one too. */
  readonly ancestors: readonly string[];
  /** When renewals end, in ms since 1970; undefined if it was not renewed yet. */
  readonly until: number | undefined;
  /** In ms since 1970. */
  readonly expiresAt: number;
  /** Its life is over; everything else about it is right. */
  readonly expired: boolean;
}

export interface TokenContents {
  readonly identity?: string | undefined;
  readonly name?: string | undefined;
  readonly video: VideoGrant;
  readonly seconds: number;
  /** Digest of the token that this one goes on from: what ends that one ends this one too. */
  readonly root?: string | undefined;
  /** Digests of what it is made with. */
  readonly from?: readonly string[] | undefined;
  /** When renewals end, in ms since 1970. */
  readonly until?: number | undefined;
}

function refuse(message: string, cause?: unknown): TesseraError {
  return new TesseraError('unauthorized', message, {
    cause,
    next: 'Get a token from whoever runs the server (`tessera token create`).',
  });
}

/** @throws TesseraError `forbidden` if too many tokens were made one with the other. */
export async function signToken(key: ApiKey, contents: TokenContents): Promise<string> {
  const { identity, name, video, seconds, root, from, until } = contents;
  if (from && from.length > MAX_ANCESTORS) {
    throw new TesseraError('forbidden', 'the token comes from too many others', {
      next: 'Make it with a token of the server (`tessera token create --server`).',
    });
  }
  const claims = { name, video, root, from, until: until && Math.floor(until / 1000) };
  const jwt = new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setIssuer(key.id)
    .setJti(randomUUID())
    .setNotBefore(new Date())
    .setExpirationTime(`${seconds} seconds`);
  if (identity !== undefined) jwt.setSubject(identity);
  return jwt.sign(new TextEncoder().encode(key.secret));
}

/** @throws TesseraError `unauthorized`, with the reason, but for a token that is only too old. */
export async function verifyToken(
  token: string,
  keys: readonly ApiKey[],
  clockSkewSeconds: number,
): Promise<VerifiedToken> {
  if (token.length > MAX_TOKEN_LENGTH) throw refuse('the token is too long');
  let issuer: unknown;
  try {
    issuer = decodeJwt(token).iss;
  } catch (error) {
    throw refuse('the token is no JWT', error);
  }
  const key = keys.find(({ id }) => id === issuer);
  if (!key) throw refuse('the token is not from a key of this server');
  const secret = new TextEncoder().encode(key.secret);
  const options = {
    algorithms: [ALGORITHM],
    clockTolerance: clockSkewSeconds,
    requiredClaims: ['exp'],
  };
  let claims: unknown;
  let expired = false;
  try {
    claims = (await jwtVerify(token, secret, options)).payload;
  } catch (error) {
    // The signature was checked before the times.
    if (!(error instanceof errors.JWTExpired)) throw refuse(reasonOf(error), error);
    claims = error.payload;
    expired = true;
  }
  if (!Claims.Check(claims)) {
    throw refuse(`the token's claim ${Claims.Errors(claims).First()?.path ?? ''} is not valid`);
  }
  return {
    identity: claims.sub,
    name: claims.name === '' ? undefined : claims.name,
    video: claims.video ?? {},
    digest: claims.root ?? createHash('sha256').update(token).digest('base64url'),
    ancestors: claims.from ?? [],
    until: claims.until && claims.until * 1000,
    expiresAt: claims.exp * 1000,
    expired,
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return "the token's signature is wrong";
  if (error instanceof errors.JOSEAlgNotAllowed) return `tokens must be signed with ${ALGORITHM}`;
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `the token's claim ${error.claim} is not valid`;
  }
  return 'the token is not valid';
}

function roleOf({ roomAdmin, canPublish, hidden }: VideoGrant): Role {
  if (hidden) return 'viewer';
  if (roomAdmin) return 'host';
  return canPublish === false ? 'viewer' : 'participant';
}

/** What a token gives in the room that it is for. @throws TesseraError `forbidden` if it opens none. */
export function grantOf(token: VerifiedToken): Omit<Grant, 'connection' | 'endsAt'> {
  const { video, identity, name, digest, ancestors, expiresAt } = token;
  if (!video.roomJoin || !video.room) {
    throw new TesseraError('forbidden', 'the token opens no room', {
      next: 'It needs video.roomJoin and video.room.',
    });
  }
  const named = video.canPublishSources;
  const known = PUBLISH_SOURCES.filter((source) => named === undefined || named.includes(source));
  return {
    identity,
    name,
    room: video.room.normalize('NFC'),
    role: roleOf(video),
    sources: new Set<PublishSource>(video.canPublish === false ? [] : known),
    canSubscribe: video.canSubscribe ?? true,
    canPublishData: (video.canPublishData ?? true) && !video.hidden,
    hidden: video.hidden ?? false,
    tokenDigest: digest,
    ancestors,
    expiresAt,
  };
}

/** The grant that a role has in a room. */
export function videoGrantFor(
  room: string,
  role: Role,
  sources?: readonly PublishSource[],
): VideoGrant {
  return {
    room,
    roomJoin: true,
    ...(role === 'host' ? { roomAdmin: true } : {}),
    ...(role === 'viewer' ? { canPublish: false } : {}),
    ...(sources === undefined ? {} : { canPublishSources: [...sources] }),
  };
}

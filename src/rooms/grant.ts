/** What somebody may do in a room. Tokens say it; on a server without keys everybody may do everything. */
import type { Role } from '../protocol/participants.js';

/** What a participant can send, with LiveKit's names. */
export type PublishSource = 'microphone' | 'camera' | 'screen_share';

export const PUBLISH_SOURCES: readonly PublishSource[] = ['microphone', 'camera', 'screen_share'];

export interface Grant {
  /** A second participant with the same identity replaces the first. Undefined: a new one each time. */
  readonly identity: string | undefined;
  /** Display name; if undefined, the client chooses it. */
  readonly name: string | undefined;
  /** The only room that may be joined; undefined allows any. */
  readonly room: string | undefined;
  readonly role: Role;
  readonly sources: ReadonlySet<PublishSource>;
  readonly canSubscribe: boolean;
  /** May send chat and application messages. */
  readonly canPublishData: boolean;
  /** Others do not learn of them, and they send no media. */
  readonly hidden: boolean;
  /** Identifies the token; undefined without one. */
  readonly tokenDigest: string | undefined;
  /** When the token expires, in ms since 1970. */
  readonly expiresAt: number | undefined;
  /** Digests of what the token was made with: what ends one of those ends this too. */
  readonly ancestors: readonly string[];
  /** Of an invitation: tells its holders apart, by their addresses. Else undefined. */
  readonly connection: string | undefined;
  /** When they must have left, in ms since 1970: the token's end, and the time that it is renewed after that. */
  readonly endsAt: number | undefined;
}

/** For everybody on a server without keys. */
export const OPEN_GRANT: Grant = {
  identity: undefined,
  name: undefined,
  room: undefined,
  role: 'host',
  sources: new Set(PUBLISH_SOURCES),
  canSubscribe: true,
  canPublishData: true,
  hidden: false,
  tokenDigest: undefined,
  expiresAt: undefined,
  ancestors: [],
  connection: undefined,
  endsAt: undefined,
};

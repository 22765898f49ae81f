/** What somebody may do in a room. Tokens give it; without keys everybody has all of it. */

/** `host` moderates, `participant` takes part, `viewer` only sees and hears. */
export type Role = 'host' | 'participant' | 'viewer';

/** LiveKit's names of what can be published. */
export type PublishSource = 'microphone' | 'camera' | 'screen_share';

export const PUBLISH_SOURCES: readonly PublishSource[] = ['microphone', 'camera', 'screen_share'];

export interface Grant {
  /** Who they are; whoever comes with the same takes the other's place. Undefined: somebody new each time. */
  readonly identity: string | undefined;
  /** Display name; undefined lets the client choose. */
  readonly name: string | undefined;
  /** The only room that it is for; undefined is any. */
  readonly room: string | undefined;
  readonly role: Role;
  readonly sources: ReadonlySet<PublishSource>;
  readonly canSubscribe: boolean;
  /** May write to the room. */
  readonly canPublishData: boolean;
  /** Not shown to others, and publishes nothing. */
  readonly hidden: boolean;
  /** Of the token, to know it again; undefined without one. */
  readonly tokenDigest: string | undefined;
  /** End of the token's life, in ms since 1970. */
  readonly expiresAt: number | undefined;
}

/** Of a server without keys. */
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
};

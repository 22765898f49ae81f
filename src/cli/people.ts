/** Bots and viewers that a command brings into a room of a running server. */
import { signToken, videoGrantFor } from '../api/access-token.js';
import { RtpClient } from '../bots/rtp-client.js';
import type { ApiKey } from '../config/api-keys.js';
import type { Role } from '../protocol/participants.js';

const NAMES = [
  'Ada',
  'Bob',
  'Cleo',
  'Dan',
  'Eva',
  'Finn',
  'Gwen',
  'Hugo',
  'Iris',
  'Jan',
  'Kim',
  'Leo',
];
/** Lifetime of their tokens. */
const TOKEN_SECONDS = 86_400;

export interface People {
  /** Base URL of the server, `http://…`. */
  readonly url: string;
  readonly room: string;
  /** Undefined for a server without keys. */
  readonly key: ApiKey | undefined;
}

/** A name for person number `index`. */
export function nameOf(index: number): string {
  const round = Math.floor(index / NAMES.length);
  return `${NAMES[index % NAMES.length]}${round === 0 ? '' : ` ${round + 1}`}`;
}

export async function bringIn(
  { url, room, key }: People,
  name: string,
  role: Role,
  receive: boolean,
): Promise<RtpClient> {
  const identity = `bot-${process.pid}-${name}`;
  const video = videoGrantFor(room, role);
  const token = key ? await signToken(key, { identity, video, seconds: TOKEN_SECONDS }) : undefined;
  return RtpClient.join({
    url: `${url.replace(/^http/, 'ws')}/signal`,
    room,
    name,
    token,
    receive,
    viewer: role === 'viewer',
  });
}

/** What the API knows of somebody who connects: given to signalling and to WHIP and WHEP. */
import type { Grant } from './grant.js';

export interface Caller {
  readonly grant: Grant;
  /** The token has expired: it can resume a session, but not join. */
  readonly expired: boolean;
  /** Whether a host has removed them, which takes the token back. */
  revoked(): boolean;
  /** The token to connect with next; undefined while the one they have is good for long enough. */
  renew(): Promise<string | undefined>;
}

/** What somebody may do with a room's recordings over HTTP. */
export interface RecordingAccess {
  /** Undefined where no token is needed. */
  readonly token?: string;
  readonly reads: boolean;
  readonly writes: boolean;
}

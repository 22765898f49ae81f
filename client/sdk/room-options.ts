/** What callers of the SDK pass in. */

import type { Moderate } from '../../src/protocol/moderation.js';

/** An access token, or a function that returns one. The function is called before each connection. */
export type TokenSource = string | (() => string | Promise<string>);

export interface RoomOptions {
  /** WebSocket URL of the server's `/signal`. */
  readonly url: string;
  readonly room: string;
  /** Display name. A name in the token replaces it. */
  readonly name?: string | undefined;
  /** Servers without API keys need none. */
  readonly token?: TokenSource | undefined;
  /** Receive only: no tile. */
  readonly viewer?: boolean;
  readonly audioTrack?: MediaStreamTrack | undefined;
  readonly videoTrack?: MediaStreamTrack | undefined;
  /** False to receive audio only. */
  readonly receiveVideo?: boolean;
  /** Limit of the camera's best simulcast layer in bit/s. 1,500,000 by default. */
  readonly maxVideoBitrate?: number;
}

/** Limits of what is received. What is left out has no limit. */
export interface ReceiveLimits {
  /** Width of the element that shows the composite, in device pixels. */
  readonly maxWidth?: number;
  /** Height of the element that shows the composite, in device pixels. */
  readonly maxHeight?: number;
  /** Of everything that is received, in kbit/s. */
  readonly maxBitrate?: number;
  /** `auto`, or the best that may be sent: one of {@link Room.renditions}. */
  readonly rendition?: string;
}

/** Kinds of media that a participant sends. */
export interface MediaKinds {
  readonly mic?: boolean;
  readonly camera?: boolean;
  readonly screen?: boolean;
}

/** What hosts can ask for. */
export type ModerationAction = DistributiveOmit<Moderate, 'type'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

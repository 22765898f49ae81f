import type { Micros } from '../util/units.js';

/** Follows what one participant sends, decrypted, before any stage sees it. Must not throw. */
export interface MediaTap {
  /** @param data is valid during the call only: copy what is kept. */
  packet(kind: 'rtp' | 'rtcp', data: Buffer, now: Micros): void;
  /** The client's newest SDP offer. */
  offer(sdp: string, now: Micros): void;
}

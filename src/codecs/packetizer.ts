/** How one codec's frames become RTP payloads. */
import type { TemporalLayer } from '../util/units.js';

/** Payload bytes per packet: with RTP, extensions, SRTP, UDP and IPv6 it stays under 1280 (RFC 8200, 5). */
export const MAX_PAYLOAD = 1160;

/** One frame as an encoder gives it. */
export interface EncodedFrame {
  readonly data: Buffer;
  readonly keyframe: boolean;
  readonly temporalLayer: TemporalLayer;
}

/**
 * Cuts the frames of one encode into RTP payloads. It takes every frame of that encode, in order:
 * picture ids and the like count on from frame to frame, also when another encoder takes over.
 */
export interface Packetizer {
  /** @returns the payloads in order; several streams may share them, so they must not change. */
  packetize(frame: EncodedFrame): Buffer[];
}

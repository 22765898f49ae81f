/** Integer microseconds. Unless said otherwise on the monotonic clock of {@link nowMicros}. */
export type Micros = number;
/** RTP timestamp: unsigned 32 bit, in ticks of the stream's clock rate (RFC 3550, 5.1). */
export type RtpTicks = number;
/** RTP sequence number: unsigned 16 bit. */
export type RtpSequence = number;
/** Synchronisation source: unsigned 32 bit. */
export type Ssrc = number;

export const AUDIO_CLOCK_RATE = 48_000;
export const VIDEO_CLOCK_RATE = 90_000;

/** The video codecs that Tessera decodes and encodes. */
export type VideoCodec = 'vp8' | 'h264';

/** Of two, where a codec gives them cheaply: the base, or what doubles its frame rate. */
export type TemporalLayer = 0 | 1;

export function hasTemporalLayers(codec: VideoCodec): boolean {
  return codec === 'vp8';
}

/** Of the bits of two temporal layers, those of the base. */
export const BASE_LAYER_SHARE = 0.6;

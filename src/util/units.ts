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

/** The video codecs that Tessera takes from clients. */
export type VideoCodec = 'vp8' | 'h264';

/** Those that it encodes the composite in. */
export const COMPOSITE_CODECS = ['h264', 'vp8', 'vp9', 'av1'] as const;
export type CompositeCodec = (typeof COMPOSITE_CODECS)[number];

/** Encoders of H.264 in hardware. */
export const HARDWARE_ENCODERS = ['nvenc', 'vaapi', 'qsv'] as const;
export type HardwareEncoder = (typeof HARDWARE_ENCODERS)[number];

/** Of two, where a codec gives them cheaply: the base, or what doubles its frame rate. */
export type TemporalLayer = 0 | 1;

export function hasTemporalLayers(codec: CompositeCodec): boolean {
  return codec === 'vp8' || codec === 'vp9';
}

/** Of the bits of two temporal layers, those of the base. */
export const BASE_LAYER_SHARE = 0.6;

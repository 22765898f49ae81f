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

/** Hardware that can encode video. */
export const HARDWARE_ENCODERS = ['nvenc', 'vaapi', 'qsv'] as const;
export type HardwareEncoder = (typeof HARDWARE_ENCODERS)[number];

/** 0 is the base layer; 1 doubles its frame rate. Codecs without layers have the base alone. */
export type TemporalLayer = 0 | 1;

/** Share of the bits of two temporal layers that the base layer takes. */
export const BASE_LAYER_SHARE = 0.6;

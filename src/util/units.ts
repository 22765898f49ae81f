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

/** Video codecs that clients may send. What each can do is in its descriptor, `codecs/<name>.ts`. */
export const UPLINK_VIDEO_CODECS = ['vp8', 'h264'] as const;
export type VideoCodec = (typeof UPLINK_VIDEO_CODECS)[number];

/** Video codecs that the composite may be encoded in. */
export const COMPOSITE_CODECS = ['h264', 'vp8', 'vp9', 'av1'] as const;
export type CompositeCodec = (typeof COMPOSITE_CODECS)[number];

/** Every video codec, in whichever direction. */
export type VideoCodecName = VideoCodec | CompositeCodec;
/** The audio codecs of calls; they go both ways. */
export type AudioCodec = 'opus';
export type CodecName = VideoCodecName | AudioCodec;

/** Whether clients may send this codec as video. */
export function isUplinkVideo(codec: CodecName): codec is VideoCodec {
  return (UPLINK_VIDEO_CODECS as readonly CodecName[]).includes(codec);
}

/** Whether the composite may be encoded in this codec. */
export function isCompositeCodec(codec: CodecName): codec is CompositeCodec {
  return (COMPOSITE_CODECS as readonly CodecName[]).includes(codec);
}

/** Hardware that can encode video. */
export const HARDWARE_ENCODERS = ['nvenc', 'vaapi', 'qsv'] as const;
export type HardwareEncoder = (typeof HARDWARE_ENCODERS)[number];

/** 0 is the base layer; 1 doubles its frame rate. Codecs without layers have the base alone. */
export type TemporalLayer = 0 | 1;

/** Share of the bits of two temporal layers that the base layer takes. */
export const BASE_LAYER_SHARE = 0.6;

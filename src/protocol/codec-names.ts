/** The names of codecs. What each of them can do is in its descriptor, `src/codecs/<name>.ts`. */

/** Video codecs that clients may send. */
export const UPLINK_VIDEO_CODECS = ['vp8', 'h264', 'vp9', 'av1', 'h265'] as const;
export type VideoCodec = (typeof UPLINK_VIDEO_CODECS)[number];

/** Video codecs that the composite may be encoded in. */
export const COMPOSITE_CODECS = ['h264', 'vp8', 'vp9', 'av1'] as const;
export type CompositeCodec = (typeof COMPOSITE_CODECS)[number];

/** Every video codec, in whichever direction. */
export type VideoCodecName = VideoCodec | CompositeCodec;
/** Audio codecs that clients may send in place of Opus. */
export const TELEPHONY_CODECS = ['g722', 'pcmu', 'pcma'] as const;
export type TelephonyCodec = (typeof TELEPHONY_CODECS)[number];

/** Audio codecs that clients may send. The mix is always Opus. */
export const UPLINK_AUDIO_CODECS = ['opus', ...TELEPHONY_CODECS] as const;
export type AudioCodec = (typeof UPLINK_AUDIO_CODECS)[number];
export type CodecName = VideoCodecName | AudioCodec;

/** Whether clients may send this codec as video. */
export function isUplinkVideo(codec: CodecName): codec is VideoCodec {
  return (UPLINK_VIDEO_CODECS as readonly CodecName[]).includes(codec);
}

/** Whether clients may send this codec as audio. */
export function isUplinkAudio(codec: CodecName): codec is AudioCodec {
  return (UPLINK_AUDIO_CODECS as readonly CodecName[]).includes(codec);
}

/** Whether the composite may be encoded in this codec. */
export function isCompositeCodec(codec: CodecName): codec is CompositeCodec {
  return (COMPOSITE_CODECS as readonly CodecName[]).includes(codec);
}

/** The names of codecs. What each of them can do is in its descriptor, `src/codecs/<name>.ts`. */

/** Video codecs that clients may send. */
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

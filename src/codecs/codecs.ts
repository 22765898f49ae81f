/**
 * The table of codecs. A codec that `protocol/codec-names.ts` lists as going up or down must have a descriptor
 * with that side here, or this file does not compile.
 */
import type {
  AudioCodec,
  CodecName,
  CompositeCodec,
  VideoCodec,
  VideoCodecName,
} from '../protocol/codec-names.js';
import { av1 } from './av1.js';
import type {
  AudioCodecDescriptor,
  CodecDescriptor,
  DownlinkVideoCodec,
  UplinkVideoCodec,
  VideoCodecDescriptor,
} from './codec.js';
import { h264 } from './h264.js';
import { opus } from './opus.js';
import { vp8 } from './vp8.js';
import { vp9 } from './vp9.js';

const ALL = { h264, vp8, vp9, av1, opus } satisfies Record<VideoCodec, UplinkVideoCodec> &
  Record<CompositeCodec, DownlinkVideoCodec> &
  Record<AudioCodec, AudioCodecDescriptor>;

export const CODECS: Readonly<Record<CodecName, CodecDescriptor>> = ALL;
/** Video codecs in whichever direction. */
export const VIDEO: Readonly<Record<VideoCodecName, VideoCodecDescriptor>> = ALL;
/** Video codecs that clients may send. */
export const UPLINK_VIDEO: Readonly<Record<VideoCodec, UplinkVideoCodec>> = ALL;
/** Video codecs that the composite may be encoded in. */
export const DOWNLINK_VIDEO: Readonly<Record<CompositeCodec, DownlinkVideoCodec>> = ALL;

/** Whether receivers of this codec may be sent every second frame alone. */
export function hasTemporalLayers(codec: CompositeCodec): boolean {
  return DOWNLINK_VIDEO[codec].downlink.temporalLayers;
}

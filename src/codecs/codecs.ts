/**
 * The table of codecs. Each codec that `protocol/codec-names.ts` lists as going up or down must have a
 * descriptor with that side here, or this file does not compile.
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
import { h265 } from './h265.js';
import { opus } from './opus.js';
import { g722, pcma, pcmu } from './telephony.js';
import { vp8 } from './vp8.js';
import { vp9 } from './vp9.js';

/** Video codecs that clients may send. */
export const UPLINK_VIDEO = { vp8, h264, vp9, av1, h265 } satisfies Record<
  VideoCodec,
  UplinkVideoCodec
>;

/** Video codecs that the composite may be encoded in. */
export const DOWNLINK_VIDEO = { h264, vp8, vp9, av1 } satisfies Record<
  CompositeCodec,
  DownlinkVideoCodec
>;

/** Video codecs in whichever direction. */
export const VIDEO: Readonly<Record<VideoCodecName, VideoCodecDescriptor>> = {
  ...UPLINK_VIDEO,
  ...DOWNLINK_VIDEO,
};

export const AUDIO = { opus, g722, pcmu, pcma } satisfies Record<AudioCodec, AudioCodecDescriptor>;

export const CODECS: Readonly<Record<CodecName, CodecDescriptor>> = { ...VIDEO, ...AUDIO };

/** Whether receivers of this codec may be sent every second frame alone. */
export function hasTemporalLayers(codec: CompositeCodec): boolean {
  return DOWNLINK_VIDEO[codec].downlink.temporalLayers;
}

/** H.264 of 8 bits, 4:2:0 (ITU-T H.264, RFC 6184). */
import type { FormatParameters } from '../rtp/negotiated-media.js';
import { VIDEO_CLOCK_RATE } from '../util/units.js';
import { annexBFromMp4, NAL_SPS, parameterSets, splitAnnexB, unitType } from './annex-b.js';
import type { DownlinkVideoCodec, EncoderSpec, MediaDirection, UplinkVideoCodec } from './codec.js';
import { H264Depacketizer } from './h264-depacketizer.js';
import { H264Packetizer } from './h264-packetizer.js';
import { type H264Sps, parseH264Sps } from './h264-sps.js';
import { videoSdp } from './video-sdp.js';

/** Constrained baseline, level 3.1. */
const CLIENT_PARAMETERS = 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1';
/** What a format without `profile-level-id` has (RFC 6184, 8.1). */
const DEFAULT_PROFILE = '42000a';

/** The first byte of `profile-level-id` of the profiles with 8 bits, 4:2:0: how we like them. */
const PROFILES: Readonly<Record<string, number>> = { '42': 1, '4d': 0, '64': 0 };
/** `constraint_set1_flag` in the second byte: with baseline it is constrained baseline. */
const CONSTRAINED = 0x40;
/** Parameters that describe what the offering side sends: they are not repeated. */
const OF_SENDER = /^(sprop-|max-rcmd-nalu-size$)/i;

/**
 * Whatever the client sends, in packetization mode 0 or 1. What we send is constrained baseline in
 * mode 1, which decoders of all these profiles take.
 */
function rank(parameters: FormatParameters, direction: MediaDirection): number | undefined {
  const mode = Number(parameters['packetization-mode'] ?? 0);
  if (mode !== 1 && (mode !== 0 || direction === 'down')) return undefined;
  const profile = (parameters['profile-level-id'] ?? DEFAULT_PROFILE).toLowerCase();
  const liked = PROFILES[profile.slice(0, 2)];
  if (liked === undefined) return undefined;
  const constraints = Number.parseInt(profile.slice(2, 4), 16);
  const isConstrained = liked > 0 && (constraints & CONSTRAINED) !== 0;
  return 3 * mode + liked + (isConstrained ? 1 : 0);
}

/** The offer's parameters (RFC 6184, 8.2.2), without those that speak of the offering side's stream. */
function answerParameters(offered: string | undefined): string | undefined {
  const kept = (offered ?? '')
    .split(';')
    .map((parameter) => parameter.trim())
    .filter((parameter) => parameter !== '' && !OF_SENDER.test(parameter.split('=')[0] ?? ''));
  return kept.length > 0 ? kept.join(';') : undefined;
}

/** One slice a frame: `zerolatency` would cut it into one for each thread. */
const X264_PARAMS = 'keyint=infinite:scenecut=0:sliced-threads=0';
/**
 * For text: a better search and small intra blocks, 1.5 to 2.4 dB for half as much CPU again. What
 * smooths the noise of cameras would smear letters.
 */
const X264_SCREEN_PARAMS = `${X264_PARAMS}:me=hex:subme=1:partitions=i4x4:deblock=-2,-2:no-psy=1`;

const encoder: EncoderSpec = {
  name: 'libx264',
  options: ({ speed, content }) => [
    ['preset', speed ?? 'ultrafast'],
    ['tune', 'zerolatency'],
    ['profile', 'baseline'],
    ['forced-idr', '1'],
    ['x264-params', content === 'screen' ? X264_SCREEN_PARAMS : X264_PARAMS],
  ],
  countsFrames: true,
  hardware: {
    nvenc: {
      name: 'h264_nvenc',
      options: [
        ['preset', 'p3'],
        ['tune', 'ull'],
        ['profile', 'baseline'],
        ['rc', 'cbr'],
        ['zerolatency', '1'],
        ['delay', '0'],
        ['forced-idr', '1'],
      ],
    },
    vaapi: {
      name: 'h264_vaapi',
      options: [
        ['profile', 'constrained_baseline'],
        ['rc_mode', 'CBR'],
        ['async_depth', '1'],
        ['idr_interval', '0'],
      ],
    },
    qsv: {
      name: 'h264_qsv',
      options: [
        ['preset', 'veryfast'],
        ['profile', 'baseline'],
        ['async_depth', '1'],
        ['low_delay_brc', '1'],
        ['forced_idr', '1'],
      ],
    },
  },
};

function spsOf(frame: Buffer): H264Sps | undefined {
  const unit = splitAnnexB(frame).find((one) => unitType(one) === NAL_SPS);
  return unit && parseH264Sps(unit);
}

export const h264: UplinkVideoCodec & DownlinkVideoCodec = {
  name: 'h264',
  kind: 'video',
  clockRate: VIDEO_CLOCK_RATE,
  sdp: { ...videoSdp('H264', rank, CLIENT_PARAMETERS), answerParameters },
  ffmpegName: 'h264',
  parameterSets,
  fromMp4: annexBFromMp4,
  uplink: {
    createDepacketizer: ({ 'sprop-parameter-sets': sets }) => new H264Depacketizer(sets),
    keyframeSize: (frame) => spsOf(frame)?.size,
    signalsColourSpace: true,
    mayReorder: (keyframe) => spsOf(keyframe)?.mayReorder ?? false,
  },
  downlink: {
    createPacketizer: () => new H264Packetizer(),
    temporalLayers: false,
    encoder,
  },
};

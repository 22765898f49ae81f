/** H.264, baseline and constrained baseline, packetization mode 1 (ITU-T H.264, RFC 6184). */
import { VIDEO_CLOCK_RATE } from '../util/units.js';
import { annexBFromMp4, NAL_SPS, parameterSets, splitAnnexB, unitType } from './annex-b.js';
import type {
  DownlinkVideoCodec,
  EncoderSpec,
  FormatParameters,
  UplinkVideoCodec,
} from './codec.js';
import { h264Depacketizer } from './h264-depacketizer.js';
import { H264Packetizer } from './h264-packetizer.js';
import { h264SpsSize } from './h264-sps.js';
import { videoSdp } from './video-sdp.js';

/** Constrained baseline, level 3.1. */
const CLIENT_PARAMETERS = 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1';
/** What a format without `profile-level-id` has (RFC 6184, 8.1). */
const DEFAULT_PROFILE = '42000a';

/** Baseline profiles only; constrained baseline (42e0..) first, which every client decodes. */
function rank(parameters: FormatParameters): number | undefined {
  if (Number(parameters['packetization-mode'] ?? 0) !== 1) return undefined;
  const profile = (parameters['profile-level-id'] ?? DEFAULT_PROFILE).toLowerCase();
  if (!profile.startsWith('42')) return undefined;
  return profile.startsWith('42e0') ? 1 : 0;
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

export const h264: UplinkVideoCodec & DownlinkVideoCodec = {
  name: 'h264',
  kind: 'video',
  clockRate: VIDEO_CLOCK_RATE,
  sdp: videoSdp('H264', rank, CLIENT_PARAMETERS),
  ffmpegName: 'h264',
  parameterSets,
  fromMp4: annexBFromMp4,
  uplink: {
    depacketizer: h264Depacketizer,
    keyframeSize: (frame) => {
      const sps = splitAnnexB(frame).find((unit) => unitType(unit) === NAL_SPS);
      return sps && h264SpsSize(sps);
    },
    signalsColourSpace: true,
  },
  downlink: {
    createPacketizer: () => new H264Packetizer(),
    temporalLayers: false,
    encoder,
  },
};

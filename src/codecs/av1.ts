/** AV1, main profile (AV1 RTP payload specification). */
import { VIDEO_CLOCK_RATE } from '../util/units.js';
import { av1Depacketizer } from './av1-depacketizer.js';
import { Av1Packetizer } from './av1-packetizer.js';
import { av1KeyframeSize, av1SequenceHeader } from './av1-sequence-header.js';
import type { DownlinkVideoCodec, UplinkVideoCodec } from './codec.js';
import { videoSdp } from './video-sdp.js';

/** One picture in, one frame out; a constant bitrate; one thread. */
const SVTAV1_PARAMS = 'pred-struct=1:rc=2:lp=1';

export const av1: UplinkVideoCodec & DownlinkVideoCodec = {
  name: 'av1',
  kind: 'video',
  clockRate: VIDEO_CLOCK_RATE,
  // Profile 0 is 8 and 10 bits, 4:2:0.
  sdp: videoSdp('AV1', ({ profile = '0' }) => (Number(profile) === 0 ? 0 : undefined)),
  ffmpegName: 'av1',
  parameterSets: av1SequenceHeader,
  uplink: {
    createDepacketizer: () => av1Depacketizer,
    keyframeSize: av1KeyframeSize,
    signalsColourSpace: true,
  },
  downlink: {
    createPacketizer: () => new Av1Packetizer(),
    temporalLayers: false,
    encoder: {
      name: 'libsvtav1',
      options: ({ speed, content }) => [
        ['preset', speed ?? '12'],
        ['svtav1-params', content === 'screen' ? `${SVTAV1_PARAMS}:scm=1` : SVTAV1_PARAMS],
      ],
      // It complains if it is freed before the end.
      needsEnd: true,
    },
  },
};

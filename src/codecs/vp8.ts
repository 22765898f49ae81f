/** VP8 (RFC 6386, RFC 7741). */
import { VIDEO_CLOCK_RATE } from '../util/units.js';
import type { DownlinkVideoCodec, UplinkVideoCodec } from './codec.js';
import { libvpxOptions } from './libvpx-options.js';
import { videoSdp } from './video-sdp.js';
import { vp8Depacketizer, vp8KeyframeSize } from './vp8-depacketizer.js';
import { Vp8Packetizer } from './vp8-packetizer.js';

export const vp8: UplinkVideoCodec & DownlinkVideoCodec = {
  name: 'vp8',
  kind: 'video',
  clockRate: VIDEO_CLOCK_RATE,
  sdp: videoSdp('VP8'),
  ffmpegName: 'vp8',
  uplink: {
    createDepacketizer: () => vp8Depacketizer,
    keyframeSize: vp8KeyframeSize,
    // There is one bit for it, which no sender sets: it says BT.601, whatever the pictures are.
    signalsColourSpace: false,
  },
  downlink: {
    createPacketizer: () => new Vp8Packetizer(),
    temporalLayers: true,
    encoder: {
      name: 'libvpx',
      options: (tuning) => [
        ['cpu-used', tuning.speed ?? '8'],
        ['screen-content-mode', tuning.content === 'screen' ? '1' : '0'],
        ...libvpxOptions(tuning),
      ],
      setsMinRate: true,
    },
  },
};

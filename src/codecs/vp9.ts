/** VP9, profile 0 (RFC 9628). */
import { VIDEO_CLOCK_RATE } from '../util/units.js';
import type { DownlinkVideoCodec, UplinkVideoCodec } from './codec.js';
import { libvpxOptions } from './libvpx-options.js';
import { videoSdp } from './video-sdp.js';
import { vp9Depacketizer } from './vp9-depacketizer.js';
import { vp9KeyframeSize } from './vp9-header.js';
import { Vp9Packetizer } from './vp9-packetizer.js';

export const vp9: UplinkVideoCodec & DownlinkVideoCodec = {
  name: 'vp9',
  kind: 'video',
  clockRate: VIDEO_CLOCK_RATE,
  // Profile 0 is 8 bits, 4:2:0.
  sdp: videoSdp('VP9', (parameters) =>
    Number(parameters['profile-id'] ?? 0) === 0 ? 0 : undefined,
  ),
  ffmpegName: 'vp9',
  uplink: {
    createDepacketizer: () => vp9Depacketizer,
    keyframeSize: vp9KeyframeSize,
    signalsColourSpace: true,
  },
  downlink: {
    createPacketizer: () => new Vp9Packetizer(),
    temporalLayers: true,
    encoder: {
      name: 'libvpx-vp9',
      options: (tuning) => [
        ['cpu-used', tuning.speed ?? '7'],
        ['auto-alt-ref', '0'],
        ['aq-mode', '3'],
        ['tune-content', tuning.content === 'screen' ? 'screen' : 'default'],
        ...libvpxOptions(tuning),
      ],
      setsMinRate: true,
    },
  },
};

/** FFmpeg's encoders of the codecs that clients send, as clients drive them. */
import type { VideoCodec } from '../../src/protocol/codec-names.js';
import type { EncodedStream } from './encoder.js';

const VPX = [
  ['deadline', 'realtime'],
  ['lag-in-frames', '0'],
] as const;

export const REAL_TIME: Readonly<Record<VideoCodec, Pick<EncodedStream, 'encoder' | 'options'>>> = {
  vp8: { encoder: 'libvpx', options: VPX },
  vp9: { encoder: 'libvpx-vp9', options: VPX },
  av1: {
    encoder: 'libsvtav1',
    options: [
      ['preset', '12'],
      ['svtav1-params', 'pred-struct=1:rc=2'],
    ],
  },
  h264: { encoder: 'libx264', options: [['tune', 'zerolatency']] },
  h265: {
    encoder: 'libx265',
    options: [
      ['tune', 'zerolatency'],
      ['x265-params', 'log-level=none'],
    ],
  },
};

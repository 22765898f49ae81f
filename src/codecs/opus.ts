/** Opus (RFC 6716, RFC 7587). The encoder and the decoder are in `opus/`. */
import { AUDIO_CLOCK_RATE } from '../util/units.js';
import type { AudioCodecDescriptor } from './codec.js';

const FEEDBACK = ['transport-cc', 'nack'] as const;

export const opus: AudioCodecDescriptor = {
  name: 'opus',
  kind: 'audio',
  clockRate: AUDIO_CLOCK_RATE,
  sdp: {
    encodingName: 'opus',
    rank: () => 0,
    answerParameters: (_offered, { dtx, stereo }) =>
      `minptime=10;useinbandfec=1;usedtx=${dtx ? 1 : 0}${stereo ? ';stereo=1;sprop-stereo=1' : ''}`,
    answerFeedback: (offered) => FEEDBACK.filter((kind) => offered.has(kind)),
  },
  ffmpegName: 'opus',
};

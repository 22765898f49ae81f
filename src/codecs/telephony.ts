/**
 * The codecs of telephones: G.711 (PCMU, PCMA) and G.722 (RFC 3551, 4.5). Clients may send them if they
 * offer no Opus; the mix is not encoded in them.
 */
import type { TelephonyCodec } from '../protocol/codec-names.js';
import type { AudioCodecDescriptor } from './codec.js';

/** RTP ticks per second, of G.722 too. */
const CLOCK_RATE = 8000;
const FEEDBACK = ['transport-cc', 'nack'] as const;

function telephony(
  name: TelephonyCodec,
  encodingName: string,
  ffmpegName: string,
  staticPayloadType: number,
): AudioCodecDescriptor {
  return {
    name,
    kind: 'audio',
    clockRate: CLOCK_RATE,
    isFallback: true,
    sdp: {
      encodingName,
      staticPayloadType,
      rank: (_parameters, direction) => (direction === 'up' ? 0 : undefined),
      answerParameters: () => undefined,
      answerFeedback: (offered) => FEEDBACK.filter((kind) => offered.has(kind)),
    },
    ffmpegName,
  };
}

export const pcmu = telephony('pcmu', 'PCMU', 'pcm_mulaw', 0);
export const pcma = telephony('pcma', 'PCMA', 'pcm_alaw', 8);
export const g722 = telephony('g722', 'G722', 'adpcm_g722', 9);

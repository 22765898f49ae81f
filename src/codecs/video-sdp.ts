/** What all video codecs say alike in SDP. */
import type { SdpFormat } from './codec.js';

/** The receiver's own estimate (REMB) only where there is no transport-wide feedback. */
const CONGESTION_FEEDBACK = ['transport-cc', 'goog-remb'] as const;

/** The answer repeats the offered parameters, and asks for keyframes and lost packets by RTCP. */
export function videoSdp(
  encodingName: string,
  rank: SdpFormat['rank'] = () => 0,
  clientParameters?: string,
): SdpFormat {
  return {
    encodingName,
    rank,
    clientParameters,
    answerParameters: (offered) => offered,
    answerFeedback: (offered) => {
      const congestion = CONGESTION_FEEDBACK.find((kind) => offered.has(kind));
      return [...(congestion ? [congestion] : []), 'ccm fir', 'nack', 'nack pli'];
    },
  };
}

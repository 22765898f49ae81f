/** SDP fragments: trickled candidates and new ICE credentials (RFC 8840, 9; RFC 9725, 4.3). */
import { TesseraError } from '../errors.js';
import { MAX_CANDIDATES, MAX_SDP_BYTES } from './sdp-offer.js';

export interface IceCredentials {
  readonly usernameFragment: string;
  readonly password: string;
}

export interface SdpFragment {
  /** Undefined if the fragment names none. */
  readonly credentials: IceCredentials | undefined;
  /** Attribute values, with `candidate:`. */
  readonly candidates: readonly string[];
}

/** @throws TesseraError `bad_sdp`. */
export function parseSdpFragment(text: string): SdpFragment {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  const wrong = lines.find((line) => !/^[a-z]=/.test(line));
  if (text.length > MAX_SDP_BYTES || lines.length === 0 || wrong !== undefined) {
    throw new TesseraError('bad_sdp', 'the SDP fragment cannot be read', {
      next: 'Send attributes as in RFC 8840, one in a line.',
    });
  }
  const value = (name: string) =>
    lines.find((line) => line.startsWith(`a=${name}:`))?.slice(name.length + 3);
  const [usernameFragment, password] = [value('ice-ufrag'), value('ice-pwd')];
  return {
    credentials: usernameFragment && password ? { usernameFragment, password } : undefined,
    candidates: lines
      .filter((line) => line.startsWith('a=candidate:'))
      .slice(0, MAX_CANDIDATES)
      .map((line) => line.slice(2)),
  };
}

/** Ours after a restart of ICE: credentials, and all candidates. */
export function writeSdpFragment(
  { usernameFragment, password }: IceCredentials,
  mid: string,
  candidates: readonly string[],
): string {
  return [
    `a=ice-ufrag:${usernameFragment}`,
    `a=ice-pwd:${password}`,
    'm=audio 9 UDP/TLS/RTP/SAVPF 0',
    `a=mid:${mid}`,
    ...candidates.map((candidate) => `a=candidate:${candidate}`),
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}

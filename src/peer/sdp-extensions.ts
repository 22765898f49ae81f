/** The RTP header extensions that we read or write, by their URI (RFC 8285, 5). */
import type * as sdpTransform from 'sdp-transform';
import { type HeaderExtensionIds, NO_EXTENSIONS } from '../rtp/rtp-packet.js';

const EXTENSIONS: Readonly<Record<string, keyof HeaderExtensionIds>> = {
  'urn:ietf:params:rtp-hdrext:sdes:mid': 'mid',
  'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id': 'rid',
  'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id': 'repairedRid',
  'urn:ietf:params:rtp-hdrext:ssrc-audio-level': 'audioLevel',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01': 'transportSequence',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time': 'absSendTime',
  'http://www.webrtc.org/experiments/rtp-hdrext/color-space': 'colourSpace',
  'urn:3gpp:video-orientation': 'orientation',
};

/** @returns undefined of an extension that we do not know. */
export function extensionName(uri: string): keyof HeaderExtensionIds | undefined {
  return Object.hasOwn(EXTENSIONS, uri) ? EXTENSIONS[uri] : undefined;
}

/** Ids above 14 need the two-byte form of header extensions; 15 has another meaning (RFC 8285, 4.2). */
export function isExtensionId(id: number): boolean {
  return Number.isInteger(id) && id >= 1 && id <= 255 && id !== 15;
}

/** The ids that the client offers. One BUNDLE group has one id for each extension (RFC 8843, 9.2). */
export function extensionIds(description: sdpTransform.SessionDescription): HeaderExtensionIds {
  const ids = { ...NO_EXTENSIONS };
  for (const media of description.media) {
    for (const { uri, value } of media.ext ?? []) {
      const name = extensionName(uri);
      if (name && isExtensionId(value)) ids[name] = value;
    }
  }
  return ids;
}

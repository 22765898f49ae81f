/** Writes answers: each m-line of the offer with the use that {@link parseOffer} gave it. */
import type { AnswerWishes } from '../codecs/codec.js';
import { CODECS } from '../codecs/codecs.js';
import {
  isUplink,
  type LocalStreams,
  type MediaSection,
  type PayloadFormat,
} from '../rtp/negotiated-media.js';
import { offeredParameters } from './codec-negotiation.js';
import { MAX_MESSAGE_BYTES, SCTP_PORT } from './data-association.js';
import type { OfferedMedia } from './sdp-description.js';
import { extensionName, isExtensionId } from './sdp-extensions.js';
import type { ParsedOffer } from './sdp-offer.js';

export interface LocalTransport {
  readonly usernameFragment: string;
  readonly password: string;
  readonly fingerprint: string;
  readonly candidates: readonly string[];
}

function rtpmap(offered: OfferedMedia, payload: number): string[] {
  const rtp = offered.rtp.find((format) => format.payload === payload);
  if (!rtp) return [];
  const channels = rtp.encoding ? `/${rtp.encoding}` : '';
  return [`a=rtpmap:${payload} ${rtp.codec}/${rtp.rate}${channels}`];
}

function formatLines(format: PayloadFormat, offered: OfferedMedia, wishes: AnswerWishes): string[] {
  const { payloadType, rtxPayloadType, redPayloadType } = format;
  const { sdp } = CODECS[format.codec];
  const feedback = (offered.rtcpFb ?? [])
    .filter(({ payload }) => payload === payloadType)
    .map(({ type, subtype }) => (subtype ? `${type} ${subtype}` : type));
  const kinds = new Set(feedback.map((kind) => kind.split(' ')[0] as string));
  const parameters = sdp.answerParameters(offeredParameters(offered, payloadType), wishes);
  const lines = rtpmap(offered, payloadType);
  if (parameters) lines.push(`a=fmtp:${payloadType} ${parameters}`);
  // An answer has no feedback that was not offered (RFC 4585, 4.2).
  const answered = sdp.answerFeedback(kinds).filter((kind) => feedback.includes(kind));
  lines.push(...answered.map((kind) => `a=rtcp-fb:${payloadType} ${kind}`));
  if (redPayloadType !== undefined) {
    lines.push(...rtpmap(offered, redPayloadType));
    lines.push(`a=fmtp:${redPayloadType} ${payloadType}/${payloadType}`);
  }
  if (rtxPayloadType !== undefined) {
    lines.push(...rtpmap(offered, rtxPayloadType));
    lines.push(`a=fmtp:${rtxPayloadType} apt=${payloadType}`);
  }
  return lines;
}

function streamLines(section: MediaSection, streams: LocalStreams): string[] {
  const audio = section.mix?.kind === 'audio';
  const ssrc = audio ? streams.audioSsrc : streams.videoSsrc;
  const track = audio ? 'audio' : 'video';
  const lines = [`a=msid:${streams.cname} ${track}`];
  const rtx = section.mix?.format.rtxPayloadType !== undefined;
  if (!audio && rtx) lines.push(`a=ssrc-group:FID ${ssrc} ${streams.videoRtxSsrc}`);
  lines.push(`a=ssrc:${ssrc} cname:${streams.cname}`);
  if (!audio && rtx) lines.push(`a=ssrc:${streams.videoRtxSsrc} cname:${streams.cname}`);
  return lines;
}

function extensionLines(offered: OfferedMedia): string[] {
  const transportWide = (offered.rtcpFb ?? []).some(({ type }) => type === 'transport-cc');
  return (offered.ext ?? [])
    .filter(({ uri, value }) => {
      const name = isExtensionId(value) ? extensionName(uri) : undefined;
      // Send times are for our own estimate, which is used where the sender makes none.
      return name !== undefined && !(name === 'absSendTime' && transportWide);
    })
    .map(({ uri, value }) => `a=extmap:${value} ${uri}`);
}

function directionOf(section: MediaSection): string {
  if (section.use === 'unused') return 'inactive';
  if (!section.mix) return 'recvonly';
  return isUplink(section.use) ? 'sendrecv' : 'sendonly';
}

function isRejected({ use, formats }: MediaSection): boolean {
  return formats.length === 0 && use !== 'data';
}

function rejectedLines({ mid }: MediaSection, offered: OfferedMedia): string[] {
  return [
    `m=${offered.type} 0 ${offered.protocol} ${offered.payloads ?? 0}`,
    'c=IN IP4 0.0.0.0',
    // m-lines that the client rejected itself may have none.
    ...(mid === '' ? [] : [`a=mid:${mid}`]),
    'a=inactive',
  ];
}

function mediaLines(
  section: MediaSection,
  offered: OfferedMedia,
  streams: LocalStreams,
  wishes: AnswerWishes,
): string[] {
  // The sound of a screen is music as well as speech: its pauses are sent.
  const dtx = wishes.dtx && section.use === 'mic';
  const lines = [`a=${directionOf(section)}`, 'a=rtcp-mux', 'a=rtcp-rsize'];
  if (offered.extmapAllowMixed) lines.push('a=extmap-allow-mixed');
  lines.push(...extensionLines(offered));
  lines.push(
    ...section.formats.flatMap((format) => formatLines(format, offered, { ...wishes, dtx })),
  );
  if (section.rids.length > 0) {
    lines.push(...section.rids.map((rid) => `a=rid:${rid} recv`));
    lines.push(`a=simulcast:recv ${section.rids.join(';')}`);
  }
  if (section.mix) lines.push(...streamLines(section, streams));
  return lines;
}

/** Payload types as they stand in the m-line. Redundancy first: clients send what stands first. */
function payloadTypes({ formats }: MediaSection): number[] {
  return formats.flatMap(({ payloadType, rtxPayloadType, redPayloadType }) =>
    [redPayloadType, payloadType, rtxPayloadType].filter((payload) => payload !== undefined),
  );
}

/** Writes the answer to a parsed offer. */
export function writeAnswer(
  offer: ParsedOffer,
  transport: LocalTransport,
  streams: LocalStreams,
  wishes: AnswerWishes,
): string {
  const accepted = offer.media.sections.filter((section) => !isRejected(section));
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    ...(accepted.length > 0 ? [`a=group:BUNDLE ${accepted.map(({ mid }) => mid).join(' ')}`] : []),
    'a=ice-options:trickle',
    `a=msid-semantic: WMS ${streams.cname}`,
    ...(offer.description.extmapAllowMixed ? ['a=extmap-allow-mixed'] : []),
  ];
  offer.media.sections.forEach((section, index) => {
    const offered = offer.description.media[index] as OfferedMedia;
    if (isRejected(section)) {
      lines.push(...rejectedLines(section, offered));
      return;
    }
    const isData = section.use === 'data';
    const formats = isData ? 'webrtc-datachannel' : payloadTypes(section).join(' ');
    lines.push(`m=${offered.type} 9 ${offered.protocol} ${formats}`, 'c=IN IP4 0.0.0.0');
    lines.push(`a=mid:${section.mid}`, `a=ice-ufrag:${transport.usernameFragment}`);
    lines.push(`a=ice-pwd:${transport.password}`, `a=fingerprint:sha-256 ${transport.fingerprint}`);
    lines.push(`a=setup:${offer.remote.localRole === 'server' ? 'passive' : 'active'}`);
    if (section === accepted[0]) {
      lines.push(...transport.candidates.map((candidate) => `a=candidate:${candidate}`));
    }
    if (isData) lines.push(`a=sctp-port:${SCTP_PORT}`, `a=max-message-size:${MAX_MESSAGE_BYTES}`);
    else lines.push(...mediaLines(section, offered, streams, wishes));
  });
  return `${lines.join('\r\n')}\r\n`;
}

/**
 * The SDP side of a connection. The client always offers; we answer each m-line for what it is:
 * the first that sends audio and video become mic and camera, the first that receive get the mixed
 * audio and the composite, the next that send are the screen and its sound. Everything else is
 * answered, but unused.
 */
import * as sdpTransform from 'sdp-transform';
import { TesseraError } from '../errors.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import type {
  LocalStreams,
  MediaSection,
  NegotiatedMedia,
  PayloadFormat,
} from '../rtp/negotiated-media.js';
import { type HeaderExtensionIds, NO_EXTENSIONS } from '../rtp/rtp-packet.js';
import type { Ssrc } from '../util/units.js';
import { MAX_MESSAGE_BYTES, SCTP_PORT } from './data-association.js';

export const MAX_SDP_BYTES = 64 * 1024;
const MAX_MEDIA_SECTIONS = 8;
export const MAX_CANDIDATES = 64;
const MAX_LAYERS = 4;

const EXTENSIONS: Record<string, keyof HeaderExtensionIds> = {
  'urn:ietf:params:rtp-hdrext:sdes:mid': 'mid',
  'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id': 'rid',
  'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id': 'repairedRid',
  'urn:ietf:params:rtp-hdrext:ssrc-audio-level': 'audioLevel',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01': 'transportSequence',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time': 'absSendTime',
  'http://www.webrtc.org/experiments/rtp-hdrext/color-space': 'colourSpace',
  'urn:3gpp:video-orientation': 'orientation',
};

export interface LocalTransport {
  readonly usernameFragment: string;
  readonly password: string;
  readonly fingerprint: string;
  readonly candidates: readonly string[];
}

export interface ParsedOffer {
  readonly description: sdpTransform.SessionDescription;
  readonly media: NegotiatedMedia;
  readonly remote: {
    readonly usernameFragment: string;
    readonly password: string;
    readonly fingerprints: readonly { algorithm: string; value: string }[];
    readonly localRole: 'client' | 'server';
  };
  readonly candidates: readonly string[];
}

type OfferedMedia = sdpTransform.SessionDescription['media'][number];

function bad(message: string): TesseraError {
  return new TesseraError('bad_sdp', message, {
    next: 'Send an offer with BUNDLE, rtcp-mux, ICE credentials and a DTLS fingerprint.',
  });
}

function videoCodecOf(name: string, config: string): CompositeCodec | undefined {
  if (name === 'vp8') return 'vp8';
  // Profile 0 of both: 8 bits, 4:2:0.
  const profile = (key: string) => Number(sdpTransform.parseParams(config)[key] ?? 0);
  if (name === 'vp9') return profile('profile-id') === 0 ? 'vp9' : undefined;
  if (name === 'av1') return profile('profile') === 0 ? 'av1' : undefined;
  if (name !== 'h264') return undefined;
  const parameters = sdpTransform.parseParams(config);
  const level = String(parameters['profile-level-id'] ?? '42000a').toLowerCase();
  return Number(parameters['packetization-mode'] ?? 0) === 1 && level.startsWith('42')
    ? 'h264'
    : undefined;
}

/** The offered payload types that we can use, in the client's order, without repeats of a codec. */
function formatsOf(
  media: OfferedMedia,
  accept: readonly (CompositeCodec | 'opus')[],
): PayloadFormat[] {
  const config = (payload: number) =>
    media.fmtp.find((fmtp) => fmtp.payload === payload)?.config ?? '';
  const rtx = new Map<number, number>();
  for (const { payload, codec } of media.rtp) {
    if (codec.toLowerCase() !== 'rtx') continue;
    rtx.set(Number(sdpTransform.parseParams(config(payload)).apt), payload);
  }
  const red = new Map<number, number>();
  for (const { payload, codec } of media.rtp) {
    // `red` repeats what its fmtp names first, e.g. 111/111.
    if (codec.toLowerCase() === 'red') red.set(Number.parseInt(config(payload), 10), payload);
  }
  const formats: PayloadFormat[] = [];
  for (const { payload, codec: name } of media.rtp) {
    const lower = name.toLowerCase();
    const opus = lower === 'opus' ? ('opus' as const) : undefined;
    const codec = media.type === 'audio' ? opus : videoCodecOf(lower, config(payload));
    if (!codec || !accept.includes(codec)) continue;
    // Constrained baseline (42e0..) is the profile everybody decodes; prefer it to plain baseline.
    const twin = formats.findIndex((format) => format.codec === codec);
    const format: PayloadFormat = {
      payloadType: payload,
      codec,
      rtxPayloadType: rtx.get(payload),
      redPayloadType: red.get(payload),
      nack: (media.rtcpFb ?? []).some(
        (feedback) => feedback.payload === payload && feedback.type === 'nack' && !feedback.subtype,
      ),
    };
    if (twin < 0) formats.push(format);
    else if (
      /profile-level-id=42e0/i.test(config(payload)) &&
      !/profile-level-id=42e0/i.test(config((formats[twin] as PayloadFormat).payloadType))
    ) {
      formats[twin] = format;
    }
  }
  return formats;
}

function ssrcsOf(media: OfferedMedia): Map<Ssrc, Ssrc | undefined> {
  const ssrcs = new Map<Ssrc, Ssrc | undefined>();
  const repairs = new Set<Ssrc>();
  for (const group of media.ssrcGroups ?? []) {
    const [primary, repair] = group.ssrcs.split(' ').map(Number);
    if (group.semantics !== 'FID' || primary === undefined || repair === undefined) continue;
    ssrcs.set(primary, repair);
    repairs.add(repair);
  }
  for (const { id } of media.ssrcs ?? []) {
    const ssrc = Number(id);
    if (!ssrcs.has(ssrc) && !repairs.has(ssrc)) ssrcs.set(ssrc, undefined);
  }
  return ssrcs;
}

/** The simulcast layers that are sent on an m-line (RFC 8853). */
function ridsOf(media: OfferedMedia): string[] {
  if (media.simulcast?.dir1 !== 'send') return [];
  return (media.rids ?? [])
    .filter(({ direction }) => direction === 'send')
    .map(({ id }) => String(id))
    .slice(0, MAX_LAYERS);
}

/** A data channel's m-line (RFC 8841, 4). */
function isData(media: OfferedMedia): boolean {
  return media.type === 'application' && /(UDP|TCP)\/DTLS\/SCTP/i.test(media.protocol);
}

function sctpPortOf(media: OfferedMedia): number {
  const port = Number((media as { sctpPort?: number }).sctpPort ?? SCTP_PORT);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw bad('the SCTP port is none');
  return port;
}

/** Which of its m-lines a client uses for what; each use is given once. */
function useOf(media: OfferedMedia, taken: ReadonlySet<string>): MediaSection['use'] {
  const direction = media.direction ?? 'sendrecv';
  const sends = direction === 'sendonly' || direction === 'sendrecv';
  const receives = direction === 'recvonly' || direction === 'sendrecv';
  if (media.port === 0 && !('bundleOnly' in media)) return 'unused';
  const up = media.type === 'audio' ? 'mic' : 'camera';
  const down = media.type === 'audio' ? 'mix-audio' : 'mix-video';
  if (isData(media)) return taken.has('data') ? 'unused' : 'data';
  if (media.type !== 'audio' && media.type !== 'video') return 'unused';
  const screen = media.type === 'audio' ? 'screen-audio' : 'screen';
  if (sends && !taken.has(up)) return up;
  if (receives && !taken.has(down)) return down;
  if (sends && !taken.has(screen)) return screen;
  return 'unused';
}

function extensionsOf(description: sdpTransform.SessionDescription): HeaderExtensionIds {
  const ids = { ...NO_EXTENSIONS };
  for (const media of description.media) {
    for (const { uri, value } of media.ext ?? []) {
      const name = EXTENSIONS[uri];
      if (name && value >= 1 && value <= 14) ids[name] = value;
    }
  }
  return ids;
}

/**
 * Reads an offer. @throws TesseraError `bad_sdp` for anything that cannot be answered.
 * @param downCodecs what we can encode, best first; the first that the client offers is used.
 */
export function parseOffer(sdp: string, downCodecs: readonly CompositeCodec[]): ParsedOffer {
  if (sdp.length > MAX_SDP_BYTES) throw bad(`an SDP of more than ${MAX_SDP_BYTES} bytes`);
  let description: sdpTransform.SessionDescription;
  try {
    description = sdpTransform.parse(sdp);
  } catch (error) {
    throw new TesseraError('bad_sdp', 'the SDP cannot be parsed', { cause: error });
  }
  const first = description.media?.[0];
  if (!first) throw bad('the SDP has no media section');
  if (description.media.length > MAX_MEDIA_SECTIONS) {
    throw bad(`more than ${MAX_MEDIA_SECTIONS} media sections`);
  }
  const mids = description.media.map((media) => String(media.mid ?? ''));
  if (mids.includes('') || new Set(mids).size !== mids.length)
    throw bad('m-lines need distinct mids');
  const bundle = description.groups?.find(({ type }) => type === 'BUNDLE');
  const bundled = String(bundle?.mids ?? '').split(' ');
  if (description.media.length > 1 && !mids.every((mid) => bundled.includes(mid))) {
    throw bad('all m-lines must be in one BUNDLE group');
  }
  const taken = new Set<string>();
  const sections = description.media.map((media, index): MediaSection => {
    let use = useOf(media, taken);
    const accept = use === 'mix-video' ? downCodecs : (['opus', 'vp8', 'h264'] as const);
    let formats = formatsOf(media, accept);
    if (formats.length === 0 && use !== 'data') use = 'unused';
    if (use === 'mix-video') {
      const best = downCodecs.find((codec) => formats.some((format) => format.codec === codec));
      formats = formats.filter((format) => format.codec === best);
    }
    taken.add(use);
    const rids = use === 'camera' ? ridsOf(media) : [];
    const section = { mid: mids[index] as string, use, formats, ssrcs: ssrcsOf(media), rids };
    return use === 'data' ? { ...section, sctpPort: sctpPortOf(media) } : section;
  });
  const usernameFragment = first.iceUfrag ?? description.iceUfrag;
  const password = first.icePwd ?? description.icePwd;
  const fingerprint = first.fingerprint ?? description.fingerprint;
  if (!usernameFragment || !password) throw bad('no ICE credentials');
  if (!fingerprint) throw bad('no DTLS fingerprint');
  const setup = first.setup ?? description.setup ?? 'actpass';
  return {
    description,
    media: { sections, extensions: extensionsOf(description) },
    remote: {
      usernameFragment: String(usernameFragment),
      password: String(password),
      fingerprints: [{ algorithm: fingerprint.type, value: fingerprint.hash }],
      localRole: setup === 'passive' ? 'client' : 'server',
    },
    candidates: [...sdp.matchAll(/^a=(candidate:[^\r\n]+)/gm)]
      .slice(0, MAX_CANDIDATES)
      .map((match) => match[1] as string),
  };
}

const VIDEO_FEEDBACK = ['ccm fir', 'nack', 'nack pli'];

function answerFormats(
  section: MediaSection,
  offered: OfferedMedia,
  { dtx }: AnswerOptions,
): string[] {
  const lines: string[] = [];
  const feedback = (offered.rtcpFb ?? []).map(({ type }) => type);
  const copy = (payload: number) => {
    const rtp = offered.rtp.find((format) => format.payload === payload);
    if (!rtp) return;
    const channels = rtp.encoding ? `/${rtp.encoding}` : '';
    lines.push(`a=rtpmap:${payload} ${rtp.codec}/${rtp.rate}${channels}`);
  };
  for (const format of section.formats) {
    copy(format.payloadType);
    if (format.codec === 'opus') {
      // Silent voices need not be sent; the sound of a screen has no voice to wait for.
      const use = dtx && section.use === 'mic' ? 1 : 0;
      lines.push(`a=fmtp:${format.payloadType} minptime=10;useinbandfec=1;usedtx=${use}`);
      for (const kind of ['transport-cc', 'nack'].filter((kind) => feedback.includes(kind))) {
        lines.push(`a=rtcp-fb:${format.payloadType} ${kind}`);
      }
      if (format.redPayloadType !== undefined) {
        copy(format.redPayloadType);
        lines.push(`a=fmtp:${format.redPayloadType} ${format.payloadType}/${format.payloadType}`);
      }
      continue;
    }
    const config = offered.fmtp.find(({ payload }) => payload === format.payloadType)?.config;
    if (config) lines.push(`a=fmtp:${format.payloadType} ${config}`);
    // The receiver's estimate where there is no transport-wide feedback.
    const congestion = ['transport-cc', 'goog-remb'].find((kind) => feedback.includes(kind));
    for (const kind of [...(congestion ? [congestion] : []), ...VIDEO_FEEDBACK])
      lines.push(`a=rtcp-fb:${format.payloadType} ${kind}`);
    if (format.rtxPayloadType === undefined) continue;
    copy(format.rtxPayloadType);
    lines.push(`a=fmtp:${format.rtxPayloadType} apt=${format.payloadType}`);
  }
  return lines;
}

function streamLines(section: MediaSection, streams: LocalStreams): string[] {
  const audio = section.use === 'mix-audio';
  const ssrc = audio ? streams.audioSsrc : streams.videoSsrc;
  const track = audio ? 'audio' : 'video';
  const lines = [`a=msid:${streams.cname} ${track}`];
  const rtx = section.formats.some((format) => format.rtxPayloadType !== undefined);
  if (!audio && rtx) lines.push(`a=ssrc-group:FID ${ssrc} ${streams.videoRtxSsrc}`);
  lines.push(`a=ssrc:${ssrc} cname:${streams.cname}`);
  if (!audio && rtx) lines.push(`a=ssrc:${streams.videoRtxSsrc} cname:${streams.cname}`);
  return lines;
}

function directionOf(section: MediaSection): string {
  if (section.use === 'unused') return 'inactive';
  return section.use.startsWith('mix') ? 'sendonly' : 'recvonly';
}

export interface AnswerOptions {
  /** Asks the client not to send silence (RFC 7587, 3.1.3). */
  readonly dtx: boolean;
}

/** Writes the answer to a parsed offer. */
export function writeAnswer(
  offer: ParsedOffer,
  transport: LocalTransport,
  streams: LocalStreams,
  options: AnswerOptions,
): string {
  const offeredMedia = offer.description.media;
  const rejected = ({ use, formats }: MediaSection) => formats.length === 0 && use !== 'data';
  const accepted = offer.media.sections.filter((section) => !rejected(section));
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${accepted.map(({ mid }) => mid).join(' ')}`,
    'a=ice-options:trickle',
    `a=msid-semantic: WMS ${streams.cname}`,
  ];
  offer.media.sections.forEach((section, index) => {
    const offered = offeredMedia[index] as OfferedMedia;
    if (rejected(section)) {
      lines.push(
        `m=${offered.type} 0 ${offered.protocol} ${offered.payloads ?? 0}`,
        'c=IN IP4 0.0.0.0',
      );
      lines.push(`a=mid:${section.mid}`, 'a=inactive');
      return;
    }
    // Redundancy first: what stands first is what the client sends.
    const payloads = section.formats.flatMap(({ payloadType, rtxPayloadType, redPayloadType }) =>
      [redPayloadType, payloadType, rtxPayloadType].filter((payload) => payload !== undefined),
    );
    const isData = section.use === 'data';
    const formats = isData ? 'webrtc-datachannel' : payloads.join(' ');
    lines.push(`m=${offered.type} 9 ${offered.protocol} ${formats}`, 'c=IN IP4 0.0.0.0');
    lines.push(`a=mid:${section.mid}`, `a=ice-ufrag:${transport.usernameFragment}`);
    lines.push(`a=ice-pwd:${transport.password}`, `a=fingerprint:sha-256 ${transport.fingerprint}`);
    lines.push(`a=setup:${offer.remote.localRole === 'server' ? 'passive' : 'active'}`);
    if (section === accepted[0]) {
      for (const candidate of transport.candidates) lines.push(`a=candidate:${candidate}`);
    }
    if (isData) {
      lines.push(`a=sctp-port:${SCTP_PORT}`, `a=max-message-size:${MAX_MESSAGE_BYTES}`);
      return;
    }
    lines.push(`a=${directionOf(section)}`, 'a=rtcp-mux', 'a=rtcp-rsize');
    const transportWide = (offered.rtcpFb ?? []).some(({ type }) => type === 'transport-cc');
    for (const { uri, value } of offered.ext ?? []) {
      const name = EXTENSIONS[uri];
      // Departure times are for our own estimate, where the sender makes none.
      if (name === 'absSendTime' && transportWide) continue;
      if (name) lines.push(`a=extmap:${value} ${uri}`);
    }
    lines.push(...answerFormats(section, offered, options));
    if (section.rids.length > 0) {
      lines.push(...section.rids.map((rid) => `a=rid:${rid} recv`));
      lines.push(`a=simulcast:recv ${section.rids.join(';')}`);
    }
    if (section.use.startsWith('mix')) lines.push(...streamLines(section, streams));
  });
  return `${lines.join('\r\n')}\r\n`;
}

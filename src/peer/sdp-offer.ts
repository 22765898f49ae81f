/**
 * Reads offers. The client always offers; each m-line gets one use: the first that send audio and
 * video are the microphone and the camera, the first that receive get the mixed audio and the
 * composite, the next that send are the screen and its audio. All others are unused.
 */
import * as sdpTransform from 'sdp-transform';
import { TesseraError } from '../errors.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import {
  isUplink,
  type MediaSection,
  type NegotiatedMedia,
  type RefusedMedia,
} from '../rtp/negotiated-media.js';
import type { Ssrc } from '../util/units.js';
import {
  compositeFormat,
  formatsOf,
  formatWords,
  type OfferedMedia,
  UPLINK_CODECS,
} from './codec-negotiation.js';
import { SCTP_PORT } from './data-association.js';
import { extensionIds } from './sdp-extensions.js';

export const MAX_SDP_BYTES = 64 * 1024;
const MAX_MEDIA_SECTIONS = 8;
export const MAX_CANDIDATES = 64;
const MAX_LAYERS = 4;

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

function bad(message: string): TesseraError {
  return new TesseraError('bad_sdp', message, {
    next: 'Send an offer with BUNDLE, rtcp-mux, ICE credentials and a DTLS fingerprint.',
  });
}

/** The SSRCs that the client announces, each with the SSRC of its retransmissions (RFC 5576, 4). */
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

/** The simulcast layers of clients older than RFC 8853, by SSRC. */
function simulcastSsrcsOf(media: OfferedMedia): Set<Ssrc> {
  const group = media.ssrcGroups?.find(({ semantics }) => semantics === 'SIM');
  return new Set((group?.ssrcs ?? '').split(' ').filter(Boolean).map(Number).slice(0, MAX_LAYERS));
}

/** The simulcast layers that are sent on an m-line (RFC 8853). */
function ridsOf(media: OfferedMedia): string[] {
  if (media.simulcast?.dir1 !== 'send') return [];
  return (media.rids ?? [])
    .filter(({ direction }) => direction === 'send')
    .map(({ id }) => String(id))
    .slice(0, MAX_LAYERS);
}

/** Whether this is the m-line of a data channel (RFC 8841, 4). */
function isData(media: OfferedMedia): boolean {
  return media.type === 'application' && /(UDP|TCP)\/DTLS\/SCTP/i.test(media.protocol);
}

function sctpPortOf(media: OfferedMedia): number {
  const port = Number((media as { sctpPort?: number }).sctpPort ?? SCTP_PORT);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw bad('the SCTP port is not valid');
  return port;
}

/** What a client uses an m-line for. Each use is given once. */
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

function sectionsOf(
  { media: offered }: sdpTransform.SessionDescription,
  downCodecs: readonly CompositeCodec[],
): MediaSection[] {
  const taken = new Set<string>();
  return offered.map((media): MediaSection => {
    let use = useOf(media, taken);
    const formats =
      use === 'mix-video'
        ? compositeFormat(media, downCodecs)
        : formatsOf(media, UPLINK_CODECS, use === 'mix-audio' ? 'down' : 'up');
    const refused =
      formats.length === 0 && isUplink(use)
        ? { refused: { kind: media.type as RefusedMedia['kind'], offered: formatWords(media) } }
        : {};
    if (formats.length === 0 && use !== 'data') use = 'unused';
    taken.add(use);
    const rids = use === 'camera' ? ridsOf(media) : [];
    const simulcastSsrcs = simulcastSsrcsOf(media);
    const ssrcs = ssrcsOf(media);
    const layers = { rids, simulcastSsrcs };
    const section = { mid: String(media.mid), use, formats, ssrcs, ...layers, ...refused };
    return use === 'data' ? { ...section, sctpPort: sctpPortOf(media) } : section;
  });
}

function parse(sdp: string): sdpTransform.SessionDescription {
  if (sdp.length > MAX_SDP_BYTES) throw bad(`an SDP of more than ${MAX_SDP_BYTES} bytes`);
  try {
    return sdpTransform.parse(sdp);
  } catch (error) {
    throw new TesseraError('bad_sdp', 'the SDP cannot be parsed', { cause: error });
  }
}

/** @throws TesseraError unless all m-lines have mids of their own and share one transport. */
function requireBundle({ media, groups }: sdpTransform.SessionDescription): void {
  if (media.length > MAX_MEDIA_SECTIONS) {
    throw bad(`more than ${MAX_MEDIA_SECTIONS} media sections`);
  }
  const mids = media.map(({ mid }) => String(mid ?? ''));
  if (mids.includes('') || new Set(mids).size !== mids.length)
    throw bad('m-lines need distinct mids');
  const bundle = groups?.find(({ type }) => type === 'BUNDLE');
  const bundled = String(bundle?.mids ?? '').split(' ');
  if (media.length > 1 && !mids.every((mid) => bundled.includes(mid))) {
    throw bad('all m-lines must be in one BUNDLE group');
  }
}

/**
 * @param downCodecs what we can encode, best first; the first that the client offers is used.
 * @throws TesseraError `bad_sdp` for anything that cannot be answered.
 */
export function parseOffer(sdp: string, downCodecs: readonly CompositeCodec[]): ParsedOffer {
  const description = parse(sdp);
  const first = description.media?.[0];
  if (!first) throw bad('the SDP has no media section');
  requireBundle(description);
  const sections = sectionsOf(description, downCodecs);
  const usernameFragment = first.iceUfrag ?? description.iceUfrag;
  const password = first.icePwd ?? description.icePwd;
  const fingerprint = first.fingerprint ?? description.fingerprint;
  if (!usernameFragment || !password) throw bad('no ICE credentials');
  if (!fingerprint) throw bad('no DTLS fingerprint');
  const setup = first.setup ?? description.setup ?? 'actpass';
  return {
    description,
    media: { sections, extensions: extensionIds(description) },
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

/**
 * Reads offers. The client always offers. What its m-lines are used for is in `section-uses.ts`.
 */
import type { CompositeCodec } from '../protocol/codec-names.js';
import {
  isUplink,
  type MediaSection,
  type NegotiatedMedia,
  type PayloadFormat,
  type RefusedMedia,
} from '../rtp/negotiated-media.js';
import type { Ssrc } from '../util/units.js';
import {
  compositeFormat,
  formatsOf,
  formatWords,
  mixFormat,
  UPLINK_CODECS,
} from './codec-negotiation.js';
import { SCTP_PORT } from './data-association.js';
import {
  badSdp as bad,
  type OfferedMedia,
  parseDescription,
  type SessionDescription,
} from './sdp-description.js';
import { extensionIds } from './sdp-extensions.js';
import { type OfferedUse, type SectionUse, usesOf } from './section-uses.js';

export const MAX_SDP_BYTES = 64 * 1024;
/** Those that are rejected count too: a long call has as many as it ever had tracks. */
const MAX_MEDIA_SECTIONS = 64;
/** Of a first offer. */
const MAX_LIVE_SECTIONS = 8;
export const MAX_CANDIDATES = 64;
const MAX_LAYERS = 4;
/** Wider than the grammar of RFC 8839, 5.4: whatever a client can put into a STUN username. */
const ICE_TEXT = /^[\x21-\x7e]{1,256}$/;

export interface RemoteParameters {
  readonly usernameFragment: string;
  readonly password: string;
  readonly fingerprints: readonly { algorithm: string; value: string }[];
  readonly localRole: 'client' | 'server';
  /** It answers connectivity checks, and makes none (RFC 8445, 2.5). */
  readonly iceLite: boolean;
}

export interface ParsedOffer {
  readonly description: SessionDescription;
  readonly media: NegotiatedMedia;
  readonly remote: RemoteParameters;
  readonly candidates: readonly string[];
}

export interface OfferOptions {
  /** The last offer of the same client. */
  readonly previous?: ParsedOffer | undefined;
  /** The one direction of a client's media: WHIP sends, WHEP receives, whatever the offer says. */
  readonly only?: 'sends' | 'receives' | undefined;
}

/** The SSRCs that the client announces, each with the SSRC of its retransmissions (RFC 5576, 4). */
function ssrcsOf(media: OfferedMedia): Map<Ssrc, Ssrc | undefined> {
  const ssrcs = new Map<Ssrc, Ssrc | undefined>();
  const repairs = new Set<Ssrc>();
  for (const group of media.ssrcGroups ?? []) {
    const [primary, repair] = group.ssrcs.split(' ').map(Number);
    if (group.semantics !== 'FID' || primary === undefined || repair === undefined) continue;
    if (!(primary >= 0) || !(repair >= 0)) continue;
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
  const ssrcs = (group?.ssrcs ?? '').split(' ').filter(Boolean).map(Number);
  return new Set(ssrcs.filter((ssrc) => ssrc >= 0).slice(0, MAX_LAYERS));
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

/** Whether an m-line is used: a port of 0 rejects it, unless it shares the port of others (RFC 8843, 6). */
function isLive(media: OfferedMedia, bundled: readonly string[]): boolean {
  if (media.port !== 0) return true;
  return 'bundleOnly' in media && bundled.includes(String(media.mid));
}

/** What an m-line has that says no direction itself (RFC 8866, 6.7). */
interface DefaultDirection {
  readonly sessionDirection: OfferedMedia['direction'];
}

/** An m-line, with the formats that can be used in each direction. */
interface Candidate {
  readonly media: OfferedMedia;
  readonly offered: OfferedUse;
  /** What the client may send. */
  readonly up: readonly PayloadFormat[];
  /** In which the mix or the composite can be sent. */
  readonly down: PayloadFormat | undefined;
  /** The client would send, in no format that is taken. */
  readonly refused: RefusedMedia | undefined;
}

function candidateOf(
  media: OfferedMedia,
  live: boolean,
  downCodecs: readonly CompositeCodec[],
  { only, sessionDirection }: Pick<OfferOptions, 'only'> & DefaultDirection,
): Candidate {
  const mid = String(media.mid ?? '');
  const kind = kindOf(media);
  if (!live || kind === 'other' || kind === 'data') {
    const offered = { mid, kind: live ? kind : 'other', sends: false, receives: false } as const;
    return { media, offered, up: [], down: undefined, refused: undefined };
  }
  const direction = media.direction ?? sessionDirection ?? 'sendrecv';
  const sends = direction.startsWith('send') && only !== 'receives';
  const receives = direction.endsWith('recv') || direction === 'recvonly';
  const up = sends ? formatsOf(media, UPLINK_CODECS, 'up') : [];
  const down = kind === 'audio' ? mixFormat(media) : compositeFormat(media, downCodecs)[0];
  const offered = {
    mid,
    kind,
    sends: up.length > 0,
    receives: receives && only !== 'sends' && down !== undefined,
  };
  const refused = sends && up.length === 0 ? { kind, offered: formatWords(media) } : undefined;
  return { media, offered, up, down, refused };
}

function kindOf(media: OfferedMedia): OfferedUse['kind'] {
  if (media.type === 'audio' || media.type === 'video') return media.type;
  return isData(media) ? 'data' : 'other';
}

function sectionOf(
  { media, offered, up, down, refused }: Candidate,
  use: SectionUse,
): MediaSection {
  const { mid, kind } = offered;
  const base = {
    mid,
    ssrcs: ssrcsOf(media),
    rids: use.up === 'camera' ? ridsOf(media) : [],
    simulcastSsrcs: simulcastSsrcsOf(media),
    ...(refused ? { refused } : {}),
  };
  if (use.data) return { ...base, use: 'data', formats: [], sctpPort: sctpPortOf(media) };
  if (use.down && down && (kind === 'audio' || kind === 'video')) {
    const mix = { kind, format: down };
    if (!use.up) return { ...base, use: `mix-${kind}`, formats: [down], mix };
    const others = up.filter(({ payloadType }) => payloadType !== down.payloadType);
    return { ...base, use: use.up, formats: others.length < up.length ? up : [...up, down], mix };
  }
  // An m-line that could be used, but is not, stays open: it is answered `inactive`.
  const formats = up.length > 0 || refused || !down ? up : [down];
  return { ...base, use: use.up ?? 'unused', formats };
}

/** @returns the mids of the BUNDLE group. @throws TesseraError unless all m-lines share one transport. */
function requireBundle({ media, groups }: SessionDescription): string[] {
  if (media.length > MAX_MEDIA_SECTIONS) {
    throw bad(`more than ${MAX_MEDIA_SECTIONS} media sections`);
  }
  const group = groups?.find(({ type }) => type === 'BUNDLE')?.mids ?? '';
  const bundled = group.split(' ').filter((mid) => mid !== '');
  const live = media.filter((one) => isLive(one, bundled));
  if (live.length > MAX_LIVE_SECTIONS) throw bad(`more than ${MAX_LIVE_SECTIONS} open m-lines`);
  const mids = live.map(({ mid }) => String(mid ?? ''));
  if (mids.includes('') || new Set(mids).size !== mids.length) {
    throw bad('m-lines need distinct mids');
  }
  if (live.length > 1 && !mids.every((mid) => bundled.includes(mid))) {
    throw bad('all m-lines must be in one BUNDLE group');
  }
  return bundled;
}

/** Of the transport, from the first m-line that is open and says them. */
function remoteOf(
  description: SessionDescription,
  live: readonly OfferedMedia[],
  previous: RemoteParameters | undefined,
): RemoteParameters {
  if (live.length === 0) {
    if (previous) return previous;
    throw bad('all m-lines are rejected');
  }
  const first = live.find(({ iceUfrag }) => iceUfrag !== undefined) ?? (live[0] as OfferedMedia);
  const usernameFragment = String(first.iceUfrag ?? description.iceUfrag ?? '');
  const password = String(first.icePwd ?? description.icePwd ?? '');
  const fingerprint = first.fingerprint ?? description.fingerprint;
  if (!ICE_TEXT.test(usernameFragment) || !ICE_TEXT.test(password)) throw bad('no ICE credentials');
  if (!fingerprint?.type || !fingerprint.hash) throw bad('no DTLS fingerprint');
  const setup = first.setup ?? description.setup ?? 'actpass';
  return {
    usernameFragment,
    password,
    fingerprints: [{ algorithm: String(fingerprint.type), value: String(fingerprint.hash) }],
    localRole: setup === 'passive' ? 'client' : 'server',
    iceLite: description.icelite !== undefined,
  };
}

/**
 * @param downCodecs what we can encode, best first; the first that the client offers is used.
 * @throws TesseraError `bad_sdp` for anything that cannot be answered.
 */
export function parseOffer(
  sdp: string,
  downCodecs: readonly CompositeCodec[],
  options: OfferOptions = {},
): ParsedOffer {
  if (sdp.length > MAX_SDP_BYTES) throw bad(`an SDP of more than ${MAX_SDP_BYTES} bytes`);
  const description = parseDescription(sdp);
  if (description.media.length === 0) throw bad('the SDP has no media section');
  const bundled = requireBundle(description);
  const live = description.media.filter((media) => isLive(media, bundled));
  const { previous, only } = options;
  const defaults = { only, sessionDirection: description.direction };
  const candidates = description.media.map((media) =>
    candidateOf(media, live.includes(media), downCodecs, defaults),
  );
  const uses = usesOf(
    candidates.map(({ offered }) => offered),
    new Map(previous?.media.sections.map((section) => [section.mid, useOf(section)])),
  );
  const sections = candidates.map((one, index) => sectionOf(one, uses[index] as SectionUse));
  return {
    description,
    media: { sections, extensions: extensionIds({ ...description, media: live }) },
    remote: remoteOf(description, live, previous?.remote),
    candidates: [...sdp.matchAll(/^a=(candidate:[^\r\n]+)/gm)]
      .slice(0, MAX_CANDIDATES)
      .map((match) => match[1] as string),
  };
}

function useOf({ use, mix }: MediaSection): SectionUse {
  return { up: isUplink(use) ? use : undefined, down: mix !== undefined, data: use === 'data' };
}

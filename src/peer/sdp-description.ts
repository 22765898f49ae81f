/**
 * Parses SDP. sdp-transform takes almost every text, turns what looks like a number into one, and leaves
 * out what a line lacks. Here each field that we read gets the type that it has in a valid description, and
 * lines that cannot mean anything are left out, so that the rest of `peer/` may trust what it reads.
 */
import * as sdpTransform from 'sdp-transform';
import { TesseraError } from '../errors.js';

export type SessionDescription = sdpTransform.SessionDescription;
export type OfferedMedia = SessionDescription['media'][number];

const MAX_PAYLOAD_TYPE = 127;
const MAX_SSRC = 0xffff_ffff;

export function badSdp(message: string, cause?: unknown): TesseraError {
  return new TesseraError('bad_sdp', message, {
    next: 'Send an offer with BUNDLE, rtcp-mux, ICE credentials and a DTLS fingerprint.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** @throws TesseraError `bad_sdp`. */
export function parseDescription(sdp: string): SessionDescription {
  let description: SessionDescription;
  try {
    description = sdpTransform.parse(sdp);
  } catch (error) {
    throw badSdp('the SDP cannot be parsed', error);
  }
  const { groups = [], media } = description;
  return {
    ...description,
    groups: groups
      .filter(({ type, mids }) => isText(type) && isText(mids))
      .map(({ type, mids }) => ({ type: String(type), mids: String(mids) })),
    media: media.map(cleanMedia),
  };
}

function isText(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}

function isWithin(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
}

const isPayloadType = (value: unknown) => isWithin(value, MAX_PAYLOAD_TYPE);

function cleanMedia(media: OfferedMedia): OfferedMedia {
  const { type, protocol, port } = media;
  if (!isText(type) || !isText(protocol) || !isWithin(port, 65_535)) {
    throw badSdp('an m-line cannot be read');
  }
  const rtp = media.rtp
    .filter(({ payload, codec, rate }) => isPayloadType(payload) && isText(codec) && isText(rate))
    .map((format) => ({ ...format, codec: String(format.codec) }));
  const ids = new Set<string>();
  return {
    ...media,
    type: String(type),
    protocol: String(protocol),
    payloads: String(media.payloads ?? '0'),
    rtp,
    fmtp: media.fmtp
      .filter(({ payload, config }) => isPayloadType(payload) && config !== undefined)
      .map(({ payload, config }) => ({ payload, config: String(config) })),
    rtcpFb: feedbackOf(
      media,
      rtp.map(({ payload }) => payload),
    ),
    ext: (media.ext ?? []).filter(({ value, uri }) => isWithin(value, 255) && isText(uri)),
    ssrcs: (media.ssrcs ?? []).filter(({ id }) => isWithin(id, MAX_SSRC)),
    ssrcGroups: (media.ssrcGroups ?? [])
      .filter(({ semantics, ssrcs }) => isText(semantics) && isText(ssrcs))
      .map(({ semantics, ssrcs }) => ({ semantics: String(semantics), ssrcs: String(ssrcs) })),
    rids: (media.rids ?? []).filter(({ id }) => {
      const isNew = isText(id) && !ids.has(String(id));
      ids.add(String(id));
      return isNew;
    }),
  } as OfferedMedia;
}

/** Feedback by payload type: `*` stands for all of them (RFC 4585, 4.2). */
function feedbackOf(
  { rtcpFb = [] }: OfferedMedia,
  payloads: readonly number[],
): NonNullable<OfferedMedia['rtcpFb']> {
  return rtcpFb
    .filter(({ type }) => isText(type))
    .flatMap(({ payload, type, subtype }) => {
      const kind = {
        type: String(type),
        ...(subtype === undefined ? {} : { subtype: String(subtype) }),
      };
      const targets = String(payload) === '*' ? payloads : [Number(payload)];
      return targets.filter(isPayloadType).map((target) => ({ payload: target, ...kind }));
    });
}

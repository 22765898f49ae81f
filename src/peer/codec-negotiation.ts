/** Which of the formats of an offered m-line we use. The rules of each codec are in its descriptor. */
import * as sdpTransform from 'sdp-transform';
import type { MediaDirection } from '../codecs/codec.js';
import { AUDIO, CODECS, UPLINK_VIDEO } from '../codecs/codecs.js';
import type { CodecName, CompositeCodec } from '../protocol/codec-names.js';
import type { FormatParameters, PayloadFormat } from '../rtp/negotiated-media.js';
import type { OfferedMedia } from './sdp-description.js';

/** What clients may send. */
export const UPLINK_CODECS: readonly CodecName[] = [
  ...Object.values(AUDIO),
  ...Object.values(UPLINK_VIDEO),
].map(({ name }) => name);

/** The `a=fmtp` of a payload type, as the client wrote it. */
export function offeredParameters(media: OfferedMedia, payload: number): string | undefined {
  return media.fmtp.find((fmtp) => fmtp.payload === payload)?.config;
}

function parametersOf(config: string): FormatParameters {
  const parsed = sdpTransform.parseParams(config);
  return Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, String(value)]));
}

/** Payload types of `rtx` or `red`, by the payload type that they repeat. */
function repeatersOf(
  media: OfferedMedia,
  encodingName: 'rtx' | 'red',
  repeated: (config: string) => number,
): ReadonlyMap<number, number> {
  return new Map(
    media.rtp
      .filter(({ codec }) => codec.toLowerCase() === encodingName)
      .map(({ payload }) => [repeated(offeredParameters(media, payload) ?? ''), payload]),
  );
}

/** The payload types of an m-line in its order; some need no `a=rtpmap` (RFC 3551, 6). */
function offeredFormats(media: OfferedMedia): { payload: number; name: string }[] {
  const named = new Map(media.rtp.map(({ payload, codec }) => [payload, codec]));
  for (const { kind, sdp } of Object.values(CODECS)) {
    const { staticPayloadType: type, encodingName } = sdp;
    if (kind !== media.type || type === undefined || named.has(type)) continue;
    named.set(type, encodingName);
  }
  const listed = String(media.payloads ?? '')
    .split(' ')
    .map(Number);
  return listed.flatMap((payload) => {
    const name = named.get(payload);
    return name === undefined ? [] : [{ payload, name }];
  });
}

interface Ranked {
  readonly codec: CodecName;
  readonly rank: number;
}

function rankedCodec(
  media: OfferedMedia,
  payload: number,
  name: string,
  direction: MediaDirection,
): Ranked | undefined {
  for (const { kind, name: codec, sdp } of Object.values(CODECS)) {
    if (kind !== media.type || sdp.encodingName.toLowerCase() !== name.toLowerCase()) continue;
    const rank = sdp.rank(parametersOf(offeredParameters(media, payload) ?? ''), direction);
    return rank === undefined ? undefined : { codec, rank };
  }
  return undefined;
}

/** The offered formats that we can use, one for each codec, in the client's order. */
export function formatsOf(
  media: OfferedMedia,
  accept: readonly CodecName[],
  direction: MediaDirection,
): PayloadFormat[] {
  const rtx = repeatersOf(media, 'rtx', (config) => Number(parametersOf(config).apt));
  // The parameters of `red` begin with the payload type that it repeats, e.g. 111/111.
  const red = repeatersOf(media, 'red', (config) => Number.parseInt(config, 10));
  const best = new Map<CodecName, { rank: number; payloadType: number }>();
  for (const { payload, name } of offeredFormats(media)) {
    const found = rankedCodec(media, payload, name, direction);
    if (!found || !accept.includes(found.codec)) continue;
    const before = best.get(found.codec);
    if (before && before.rank >= found.rank) continue;
    // A better format keeps the place of the one before.
    best.set(found.codec, { rank: found.rank, payloadType: payload });
  }
  const isFallback = (codec: CodecName) => (CODECS[codec] as { isFallback?: boolean }).isFallback;
  const better = [...best].filter(([codec]) => !isFallback(codec));
  return (better.length > 0 ? better : [...best]).map(([codec, { payloadType }]) => ({
    payloadType,
    codec,
    rtxPayloadType: rtx.get(payloadType),
    redPayloadType: red.get(payloadType),
    parameters: parametersOf(offeredParameters(media, payloadType) ?? ''),
    nack: (media.rtcpFb ?? []).some(
      ({ payload, type, subtype }) => payload === payloadType && type === 'nack' && !subtype,
    ),
  }));
}

/** Formats that are no codec of their own. */
const HELPERS = new Set(['rtx', 'red', 'ulpfec', 'flexfec-03', 'cn', 'telephone-event']);

/** What an m-line offers, in words, for clients whose formats are all refused. */
export function formatWords(media: OfferedMedia): string[] {
  const words = offeredFormats(media)
    .filter(({ name }) => !HELPERS.has(name.toLowerCase()))
    .map(({ payload, name }) => {
      const parameters = offeredParameters(media, payload)?.replace(/;?\s*sprop-[^;]*/gi, '');
      return parameters ? `${name} (${parameters})` : name;
    });
  return [...new Set(words)];
}

/** The one format that the composite is sent in: that of the first of our codecs that is offered. */
export function compositeFormat(
  media: OfferedMedia,
  downCodecs: readonly CompositeCodec[],
): PayloadFormat[] {
  const formats = formatsOf(media, downCodecs, 'down');
  const codec = downCodecs.find((wanted) => formats.some((format) => format.codec === wanted));
  return formats.filter((format) => format.codec === codec);
}

/** The format that the mix is sent in. */
export function mixFormat(media: OfferedMedia): PayloadFormat | undefined {
  return formatsOf(media, [AUDIO.opus.name], 'down')[0];
}

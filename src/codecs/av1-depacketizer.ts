/** AV1 out of RTP (AV1 RTP payload specification) to temporal units. Never throws on any input. */
import type { FrameSize } from '../util/frame-size.js';
import {
  type Av1Sequence,
  isAv1KeyFrame,
  OBU_PADDING,
  OBU_SEQUENCE_HEADER,
  OBU_TEMPORAL_DELIMITER,
  OBU_TILE_LIST,
  obuHasSize,
  obuHead,
  obuHeaderLength,
  obuType,
  parseAv1Sequence,
} from './av1-sequence-header.js';
import type { Depacketizer } from './depacketizer.js';
import { leb128, readLeb128 } from './leb128.js';

/** Bits of the aggregation header (4.4). */
const [CONTINUES, GOES_ON, BEGINS_SEQUENCE] = [0x80, 0x40, 0x08] as const;
const TEMPORAL_DELIMITER = Buffer.from([0x12, 0x00]);
/** Units that decoders need not be given. */
const LEFT_OUT: readonly number[] = [OBU_TEMPORAL_DELIMITER, OBU_TILE_LIST, OBU_PADDING];

/** The elements of a payload, which are units or parts of them; undefined if it is malformed. */
function elementsOf(payload: Buffer): Buffer[] | undefined {
  const count = ((payload[0] ?? 0) >> 4) & 3;
  const elements: Buffer[] = [];
  for (let at = 1; at < payload.length; ) {
    const isLast = count > 0 && elements.length === count - 1;
    const [size, bytes] = isLast ? [payload.length - at, 0] : readLeb128(payload, at);
    if (!isLast && bytes === 0) return undefined;
    at += bytes;
    if (at + size > payload.length) return undefined;
    elements.push(payload.subarray(at, at + size));
    at += size;
  }
  return elements.length > 0 && (count === 0 || elements.length === count) ? elements : undefined;
}

/** All units of a temporal unit, fragments joined. */
function collectUnits(payloads: readonly Buffer[]): Buffer[] | undefined {
  const units: Buffer[] = [];
  let fragments: Buffer[] = [];
  for (const payload of payloads) {
    const elements = elementsOf(payload);
    const head = payload[0] ?? 0;
    if (!elements || ((head & CONTINUES) !== 0) !== fragments.length > 0) return undefined;
    elements.forEach((element, index) => {
      fragments.push(element);
      if (index === elements.length - 1 && head & GOES_ON) return;
      units.push(fragments.length === 1 ? element : Buffer.concat(fragments));
      fragments = [];
    });
  }
  return fragments.length > 0 ? undefined : units;
}

/** A unit's body, without its header and the size that it may have; undefined if it is cut short. */
function bodyOf(unit: Buffer): Buffer | undefined {
  const head = unit[0] ?? 0;
  const from = obuHeaderLength(head);
  if (unit.length < from) return undefined;
  if (!obuHasSize(head)) return unit.subarray(from);
  const [size, bytes] = readLeb128(unit, from);
  const begin = from + bytes;
  return bytes === 0 || begin + size > unit.length ? undefined : unit.subarray(begin, begin + size);
}

/** Has no state. */
export const av1Depacketizer: Depacketizer = {
  startsKeyframe(payload) {
    const head = payload[0] ?? 0;
    if (head & CONTINUES) return false;
    if (head & BEGINS_SEQUENCE) return true;
    const first = elementsOf(payload)?.[0];
    return first !== undefined && obuType(first[0] ?? 0) === OBU_SEQUENCE_HEADER;
  },

  sizeIn(payload) {
    for (const element of elementsOf(payload) ?? []) {
      if (obuType(element[0] ?? 0) !== OBU_SEQUENCE_HEADER) continue;
      const body = bodyOf(element);
      return body && parseAv1Sequence(body)?.size;
    }
    return undefined;
  },

  assemble(payloads) {
    const units = collectUnits(payloads);
    if (!units) return undefined;
    const parts: Buffer[] = [TEMPORAL_DELIMITER];
    let sequence: Av1Sequence | undefined;
    let isKey = false;
    for (const unit of units) {
      const head = unit[0];
      if (head === undefined) continue;
      const type = obuType(head);
      if (LEFT_OUT.includes(type)) continue;
      const body = bodyOf(unit);
      if (!body) return undefined;
      if (type === OBU_SEQUENCE_HEADER) {
        sequence = parseAv1Sequence(body);
        if (!sequence) return undefined;
      }
      isKey ||= isAv1KeyFrame(head, body, sequence?.isStill ?? false);
      parts.push(Buffer.from([obuHead(head, true), ...unit.subarray(1, obuHeaderLength(head))]));
      parts.push(leb128(body.length), body);
    }
    if (parts.length === 1) return undefined;
    const size: FrameSize | undefined = sequence?.size;
    return { data: Buffer.concat(parts), keyframe: isKey && size !== undefined, size };
  },
};

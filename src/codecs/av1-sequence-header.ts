/** What is read of an AV1 stream's open bitstream units (AV1 bitstream, 5.5 and 5.9). */
import type { FrameSize } from '../util/frame-size.js';
import { BitReader } from './bit-reader.js';
import { leb128, readLeb128 } from './leb128.js';

export const OBU_SEQUENCE_HEADER = 1;
export const OBU_TEMPORAL_DELIMITER = 2;
const OBU_FRAME_HEADER = 3;
const OBU_FRAME = 6;
export const OBU_TILE_LIST = 8;
export const OBU_PADDING = 15;
const EXTENSION = 0x04;
const HAS_SIZE = 0x02;
const KEY_FRAME = 0;

/** The type of a unit, from its first byte. */
export const obuType = (head: number) => (head >> 3) & 0xf;

/** Bytes of a unit's header, without its size. */
export const obuHeaderLength = (head: number) => (head & EXTENSION ? 2 : 1);

export const obuHasSize = (head: number) => (head & HAS_SIZE) !== 0;

/** The same header with a size, or without one. */
export const obuHead = (head: number, hasSize: boolean) =>
  hasSize ? head | HAS_SIZE : head & ~HAS_SIZE;

export interface Av1Sequence {
  /** The largest that its pictures can have. */
  readonly size: FrameSize;
  readonly isStill: boolean;
}

/** `uvlc()` (4.10.3). */
function skipUvlc(reader: BitReader): void {
  let zeros = 0;
  while (reader.bit() === 0 && !reader.overrun) zeros++;
  if (zeros < 32) reader.skip(zeros);
}

/** @returns whether decoder model info is present, and the length of its delays. */
function readTiming(reader: BitReader): { hasModel: boolean; delayBits: number } {
  if (!reader.bit()) return { hasModel: false, delayBits: 0 };
  reader.skip(64);
  if (reader.bit()) skipUvlc(reader);
  if (!reader.bit()) return { hasModel: false, delayBits: 0 };
  const delayBits = reader.bits(5) + 1;
  reader.skip(32 + 5 + 5);
  return { hasModel: true, delayBits };
}

function skipOperatingPoints(reader: BitReader): void {
  const { hasModel, delayBits } = readTiming(reader);
  const hasDelay = reader.bit();
  const count = reader.bits(5) + 1;
  for (let i = 0; i < count && !reader.overrun; i++) {
    reader.skip(12);
    if (reader.bits(5) > 7) reader.bit();
    if (hasModel && reader.bit()) reader.skip(2 * delayBits + 1);
    if (hasDelay && reader.bit()) reader.skip(4);
  }
}

/** Reads a sequence header OBU without its header and size (5.5.1); undefined if it is malformed. */
export function parseAv1Sequence(body: Buffer): Av1Sequence | undefined {
  const reader = new BitReader(body);
  reader.skip(3);
  const isStill = reader.bit() === 1;
  const isReduced = reader.bit() === 1;
  if (isReduced) reader.skip(5);
  else skipOperatingPoints(reader);
  const widthBits = reader.bits(4) + 1;
  const heightBits = reader.bits(4) + 1;
  const width = reader.bits(widthBits) + 1;
  const height = reader.bits(heightBits) + 1;
  return reader.overrun ? undefined : { size: { width, height }, isStill: isStill && isReduced };
}

/** Whether a unit with this header and body is the frame header of a keyframe (5.9.2). */
export function isAv1KeyFrame(head: number, body: Buffer, isReducedStill: boolean): boolean {
  const type = obuType(head);
  if (type !== OBU_FRAME && type !== OBU_FRAME_HEADER) return false;
  if (isReducedStill) return true;
  const first = body[0];
  // show_existing_frame, frame_type.
  return first !== undefined && first >> 7 === 0 && ((first >> 5) & 3) === KEY_FRAME;
}

/** The units of a temporal unit in which each has its size; the last may be without. As views. */
export function obusOf(unit: Buffer): { head: number; header: Buffer; body: Buffer }[] {
  const obus: { head: number; header: Buffer; body: Buffer }[] = [];
  for (let at = 0; at < unit.length; ) {
    const head = unit[at] as number;
    const length = obuHeaderLength(head);
    const sized = obuHasSize(head) ? readLeb128(unit, at + length) : undefined;
    const begin = at + length + (sized?.[1] ?? 0);
    const end = sized ? begin + sized[0] : unit.length;
    if (sized?.[1] === 0 || end > unit.length) break;
    obus.push({ head, header: unit.subarray(at, at + length), body: unit.subarray(begin, end) });
    at = end;
  }
  return obus;
}

/** Size of a keyframe's picture in a temporal unit; undefined of other frames, and if malformed. */
export function av1KeyframeSize(unit: Buffer): FrameSize | undefined {
  let sequence: Av1Sequence | undefined;
  for (const { head, body } of obusOf(unit)) {
    if (obuType(head) === OBU_SEQUENCE_HEADER) sequence = parseAv1Sequence(body);
    else if (sequence && isAv1KeyFrame(head, body, sequence.isStill)) return sequence.size;
  }
  return undefined;
}

/** The sequence header of a keyframe's temporal unit, as containers want it; undefined without it. */
export function av1SequenceHeader(unit: Buffer): Buffer | undefined {
  const found = obusOf(unit).find(({ head }) => obuType(head) === OBU_SEQUENCE_HEADER);
  if (!found) return undefined;
  const { head, header, body } = found;
  const rest = header.subarray(1);
  return Buffer.concat([Buffer.from([obuHead(head, true)]), rest, leb128(body.length), body]);
}

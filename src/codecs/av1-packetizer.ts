/** AV1 to RTP (AV1 RTP payload specification). */
import { type EncodedFrame, MAX_PAYLOAD, type Packetizer } from './packetizer.js';

const OBU_TEMPORAL_DELIMITER = 2;
const OBU_TILE_LIST = 8;
const OBU_PADDING = 15;
const EXTENSION = 0x04;
const HAS_SIZE = 0x02;

/** A little-endian number of 7 bits a byte, and the bytes that it takes (AV1 bitstream, 4.10.5). */
function readLeb128(data: Buffer, at: number): [value: number, length: number] {
  let value = 0;
  for (let length = 1; length <= 8 && at + length <= data.length; length++) {
    const byte = data[at + length - 1] as number;
    value += (byte & 0x7f) * 2 ** (7 * (length - 1));
    if (byte < 0x80) return [value, length];
  }
  return [value, 8];
}

function leb128(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    bytes.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) return Buffer.from(bytes);
  }
}

/** The open bitstream units of a temporal unit, without their sizes; units that RTP leaves out are dropped. */
export function splitObus(unit: Buffer): Buffer[] {
  const obus: Buffer[] = [];
  for (let at = 0; at < unit.length; ) {
    const header = unit[at] as number;
    const headerLength = header & EXTENSION ? 2 : 1;
    const [size, sizeLength] =
      header & HAS_SIZE
        ? readLeb128(unit, at + headerLength)
        : [unit.length - at - headerLength, 0];
    const begin = at + headerLength + sizeLength;
    const type = (header >> 3) & 0xf;
    if (![OBU_TEMPORAL_DELIMITER, OBU_TILE_LIST, OBU_PADDING].includes(type)) {
      const head = Buffer.from(unit.subarray(at, at + headerLength));
      head[0] = header & ~HAS_SIZE;
      obus.push(Buffer.concat([head, unit.subarray(begin, begin + size)]));
    }
    at = begin + size;
  }
  return obus;
}

/** Has no state: payloads carry no numbers of their own. */
export class Av1Packetizer implements Packetizer {
  packetize({ data, keyframe }: EncodedFrame): Buffer[] {
    return packetizeAv1(data, keyframe);
  }
}

/**
 * One temporal unit as RTP payloads, each element with its length (AV1 RTP payload specification, 4).
 * @param keyframe a new coded video sequence begins.
 */
export function packetizeAv1(unit: Buffer, keyframe: boolean): Buffer[] {
  const payloads: Buffer[] = [];
  let elements: Buffer[] = [];
  let room = MAX_PAYLOAD - 1;
  let continues = false;
  const flush = (goesOn: boolean) => {
    // Z, Y and N; W is 0: every element has its length.
    const begins = keyframe && payloads.length === 0 ? 0x08 : 0;
    const aggregation = (continues ? 0x80 : 0) | (goesOn ? 0x40 : 0) | begins;
    payloads.push(Buffer.concat([Buffer.from([aggregation]), ...elements]));
    elements = [];
    room = MAX_PAYLOAD - 1;
    continues = goesOn;
  };
  for (const obu of splitObus(unit)) {
    for (let at = 0; at < obu.length; ) {
      // Two bytes of length are enough for what fits into a packet.
      if (room <= 3) flush(at > 0);
      const part = obu.subarray(at, at + room - 2);
      elements.push(leb128(part.length), part);
      room -= leb128(part.length).length + part.length;
      at += part.length;
      if (at < obu.length) flush(true);
    }
  }
  if (elements.length > 0) flush(false);
  return payloads;
}

/** AV1 to RTP (AV1 RTP payload specification). */
import {
  OBU_PADDING,
  OBU_TEMPORAL_DELIMITER,
  OBU_TILE_LIST,
  obuHead,
  obusOf,
  obuType,
} from './av1-sequence-header.js';
import { leb128 } from './leb128.js';
import { type EncodedFrame, MAX_PAYLOAD, type Packetizer } from './packetizer.js';

const LEFT_OUT: readonly number[] = [OBU_TEMPORAL_DELIMITER, OBU_TILE_LIST, OBU_PADDING];

/** The open bitstream units of a temporal unit, without their sizes; units that RTP leaves out are dropped. */
export function splitObus(unit: Buffer): Buffer[] {
  return obusOf(unit)
    .filter(({ head }) => !LEFT_OUT.includes(obuType(head)))
    .map(({ head, header, body }) => {
      const obu = Buffer.concat([header, body]);
      obu[0] = obuHead(head, false);
      return obu;
    });
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

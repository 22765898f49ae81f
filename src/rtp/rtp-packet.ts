import type { RtpSequence, RtpTicks, Ssrc } from '../util/units.js';
import { type ColourSpace, parseColourSpace } from './colour-space.js';
import { type Rotation, rotationOf } from './rotation.js';

/** Header-extension ids negotiated for a connection; 0 means not negotiated. */
export interface HeaderExtensionIds {
  readonly mid: number;
  readonly rid: number;
  readonly repairedRid: number;
  readonly audioLevel: number;
  readonly transportSequence: number;
  readonly absSendTime: number;
  readonly colourSpace: number;
  readonly orientation: number;
}

export const NO_EXTENSIONS: HeaderExtensionIds = {
  mid: 0,
  rid: 0,
  repairedRid: 0,
  audioLevel: 0,
  transportSequence: 0,
  absSendTime: 0,
  colourSpace: 0,
  orientation: 0,
};

/** A parsed RTP packet; `payload` and `bytes` are views into the datagram (RFC 3550, 5.1). */
export interface RtpPacket {
  readonly bytes: Buffer;
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequence: RtpSequence;
  readonly timestamp: RtpTicks;
  readonly ssrc: Ssrc;
  /** Offset of the payload in `bytes`. */
  readonly headerLength: number;
  /** Payload without padding. May be empty (a padding-only packet). */
  readonly payload: Buffer;
  readonly mid: string | undefined;
  readonly rid: string | undefined;
  readonly transportSequence: number | undefined;
  /** When it left the sender: 6 bits of seconds and 18 bits of their fraction. */
  readonly absSendTime: number | undefined;
  /** Colour space of the frame that ends with this packet. */
  readonly colourSpace: ColourSpace | undefined;
  /** Rotation of the frame that ends with this packet. */
  readonly rotation: Rotation | undefined;
  /** -dBov, 0 to 127; 127 is silence (RFC 6464, 3). */
  readonly audioLevel: number | undefined;
}

/** Length of the RTP header with CSRCs and extensions, or -1 if it does not fit into `bytes`. */
export function rtpHeaderLength(bytes: Buffer): number {
  if (bytes.length < 12 || (bytes[0] as number) >> 6 !== 2) return -1;
  const first = bytes[0] as number;
  let length = 12 + (first & 0x0f) * 4;
  if (first & 0x10) {
    if (bytes.length < length + 4) return -1;
    length += 4 + bytes.readUInt16BE(length + 2) * 4;
  }
  return length <= bytes.length ? length : -1;
}

interface ParsedExtensions {
  mid?: string;
  rid?: string;
  transportSequence?: number;
  absSendTime?: number;
  colourSpace?: ColourSpace | undefined;
  audioLevel?: number;
  rotation?: Rotation;
}

/** Reads one-byte and two-byte header extensions (RFC 8285, 4.2 and 4.3); stops at malformed ones. */
function parseExtensions(
  bytes: Buffer,
  headerLength: number,
  ids: HeaderExtensionIds,
): ParsedExtensions {
  const found: ParsedExtensions = {};
  const start = 12 + ((bytes[0] as number) & 0x0f) * 4;
  const profile = bytes.readUInt16BE(start);
  const twoByte = (profile & 0xfff0) === 0x1000;
  if (profile !== 0xbede && !twoByte) return found;
  for (let at = start + 4; at < headerLength; ) {
    const head = bytes[at] as number;
    if (head === 0) {
      at += 1;
      continue;
    }
    const id = twoByte ? head : head >> 4;
    if (!twoByte && id === 15) break;
    const length = twoByte ? (bytes[at + 1] ?? 0) : (head & 0x0f) + 1;
    const from = at + (twoByte ? 2 : 1);
    at = from + length;
    if (at > headerLength) break;
    if (id === ids.mid) found.mid = bytes.toString('latin1', from, at);
    else if (id === ids.rid || id === ids.repairedRid)
      found.rid = bytes.toString('latin1', from, at);
    else if (id === ids.transportSequence && length === 2) {
      found.transportSequence = bytes.readUInt16BE(from);
    } else if (id === ids.absSendTime && length === 3) {
      found.absSendTime = bytes.readUIntBE(from, 3);
    } else if (id === ids.audioLevel) {
      found.audioLevel = (bytes[from] as number) & 0x7f;
    } else if (id === ids.orientation) {
      found.rotation = rotationOf(bytes[from] as number);
    } else if (id === ids.colourSpace) {
      found.colourSpace = parseColourSpace(bytes.subarray(from, at));
    }
  }
  return found;
}

/** Parses a decrypted RTP packet. Never throws. @returns undefined if it is malformed. */
export function parseRtp(bytes: Buffer, ids: HeaderExtensionIds): RtpPacket | undefined {
  const headerLength = rtpHeaderLength(bytes);
  if (headerLength < 0) return undefined;
  const first = bytes[0] as number;
  const second = bytes[1] as number;
  let end = bytes.length;
  if (first & 0x20) {
    const padding = bytes[end - 1] as number;
    if (padding === 0 || end - padding < headerLength) return undefined;
    end -= padding;
  }
  const extensions = first & 0x10 ? parseExtensions(bytes, headerLength, ids) : {};
  return {
    bytes,
    payloadType: second & 0x7f,
    marker: (second & 0x80) !== 0,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    headerLength,
    payload: bytes.subarray(headerLength, end),
    mid: extensions.mid,
    rid: extensions.rid,
    transportSequence: extensions.transportSequence,
    absSendTime: extensions.absSendTime,
    colourSpace: extensions.colourSpace,
    audioLevel: extensions.audioLevel,
    rotation: extensions.rotation,
  };
}

/** What {@link writeRtpHeader} puts into a header. */
export interface RtpHeaderFields {
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequence: RtpSequence;
  readonly timestamp: RtpTicks;
  readonly ssrc: Ssrc;
  /** Written as the transport-wide sequence number extension when `transportSequenceId` is not 0. */
  readonly transportSequence: number;
  readonly transportSequenceId: number;
}

/** Bytes that a packet's memory must have behind the packet: SRTP puts its tag there. */
export const SRTP_TRAILER_BYTES = 16;

/** Bytes of the longest header that {@link writeRtpHeader} writes. */
export const MAX_RTP_HEADER = 20;

/** Larger ids are written in the two-byte form (RFC 8285, 4.3). */
const MAX_ONE_BYTE_ID = 14;

/** Writes an RTP header at the start of `out` and returns its length: 12, or 20 with the extension. */
export function writeRtpHeader(out: Buffer, fields: RtpHeaderFields): number {
  const extended = fields.transportSequenceId !== 0;
  out[0] = extended ? 0x90 : 0x80;
  out[1] = (fields.marker ? 0x80 : 0) | fields.payloadType;
  out.writeUInt16BE(fields.sequence, 2);
  out.writeUInt32BE(fields.timestamp >>> 0, 4);
  out.writeUInt32BE(fields.ssrc >>> 0, 8);
  if (!extended) return 12;
  const { transportSequenceId: id } = fields;
  if (id <= MAX_ONE_BYTE_ID) {
    out.writeUInt32BE(0xbede0001, 12);
    out[16] = (id << 4) | 1;
    out.writeUInt16BE(fields.transportSequence & 0xffff, 17);
    out[19] = 0;
    return 20;
  }
  out.writeUInt32BE(0x10000001, 12);
  out[16] = id;
  out[17] = 2;
  out.writeUInt16BE(fields.transportSequence & 0xffff, 18);
  return 20;
}

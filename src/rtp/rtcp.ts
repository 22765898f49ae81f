import type { NtpTime } from '../util/clock.js';
import type { Ssrc } from '../util/units.js';

/** RTCP packet types (RFC 3550, 12.1; RFC 4585, 6.1). */
const SR = 200;
const RR = 201;
const SDES = 202;
const BYE = 203;
const RTPFB = 205;
const PSFB = 206;

/** One reception report block (RFC 3550, 6.4.1). */
export interface ReportBlock {
  readonly ssrc: Ssrc;
  /** Share of packets lost since the last report, in 1/256. */
  readonly fractionLost: number;
  /** Lost in total, signed 24 bit. */
  readonly cumulativeLost: number;
  readonly highestSequence: number;
  /** In RTP ticks. */
  readonly jitter: number;
  readonly lastSenderReport: number;
  /** In 1/65536 s. */
  readonly delaySinceLastSenderReport: number;
}

export type RtcpPacket =
  | {
      readonly type: 'sender-report';
      readonly ssrc: Ssrc;
      readonly ntp: NtpTime;
      readonly rtpTimestamp: number;
      readonly blocks: readonly ReportBlock[];
    }
  | {
      readonly type: 'receiver-report';
      readonly ssrc: Ssrc;
      readonly blocks: readonly ReportBlock[];
    }
  | { readonly type: 'bye'; readonly ssrcs: readonly Ssrc[] }
  | { readonly type: 'nack'; readonly mediaSsrc: Ssrc; readonly sequences: readonly number[] }
  | { readonly type: 'pli'; readonly mediaSsrc: Ssrc }
  | { readonly type: 'fir'; readonly mediaSsrcs: readonly Ssrc[] }
  | { readonly type: 'transport-feedback'; readonly body: Buffer }
  | { readonly type: 'remb'; readonly bitrateBps: number };

function parseBlocks(data: Buffer, from: number, count: number): ReportBlock[] {
  const blocks: ReportBlock[] = [];
  for (let at = from; blocks.length < count && at + 24 <= data.length; at += 24) {
    blocks.push({
      ssrc: data.readUInt32BE(at),
      fractionLost: data[at + 4] as number,
      cumulativeLost: data.readIntBE(at + 5, 3),
      highestSequence: data.readUInt32BE(at + 8),
      jitter: data.readUInt32BE(at + 12),
      lastSenderReport: data.readUInt32BE(at + 16),
      delaySinceLastSenderReport: data.readUInt32BE(at + 20),
    });
  }
  return blocks;
}

function parseNack(data: Buffer): number[] {
  const sequences: number[] = [];
  for (let at = 12; at + 4 <= data.length; at += 4) {
    const first = data.readUInt16BE(at);
    const mask = data.readUInt16BE(at + 2);
    sequences.push(first);
    for (let bit = 0; bit < 16; bit++) {
      if (mask & (1 << bit)) sequences.push((first + bit + 1) & 0xffff);
    }
  }
  return sequences;
}

function parseOne(data: Buffer): RtcpPacket | undefined {
  const count = (data[0] as number) & 0x1f;
  const type = data[1] as number;
  if (type === SR && data.length >= 28) {
    return {
      type: 'sender-report',
      ssrc: data.readUInt32BE(4),
      ntp: { seconds: data.readUInt32BE(8), fraction: data.readUInt32BE(12) },
      rtpTimestamp: data.readUInt32BE(16),
      blocks: parseBlocks(data, 28, count),
    };
  }
  if (type === RR && data.length >= 8) {
    return {
      type: 'receiver-report',
      ssrc: data.readUInt32BE(4),
      blocks: parseBlocks(data, 8, count),
    };
  }
  if (type === BYE) {
    const ssrcs: number[] = [];
    for (let i = 0; i < count && 8 + i * 4 <= data.length; i++)
      ssrcs.push(data.readUInt32BE(4 + i * 4));
    return { type: 'bye', ssrcs };
  }
  if ((type !== RTPFB && type !== PSFB) || data.length < 12) return undefined;
  const mediaSsrc = data.readUInt32BE(8);
  if (type === RTPFB && count === 1) return { type: 'nack', mediaSsrc, sequences: parseNack(data) };
  if (type === RTPFB && count === 15) return { type: 'transport-feedback', body: data };
  if (type === PSFB && count === 1) return { type: 'pli', mediaSsrc };
  if (type === PSFB && count === 4) {
    const mediaSsrcs: number[] = [];
    for (let at = 12; at + 8 <= data.length; at += 8) mediaSsrcs.push(data.readUInt32BE(at));
    return { type: 'fir', mediaSsrcs };
  }
  if (
    type === PSFB &&
    count === 15 &&
    data.length >= 20 &&
    data.toString('latin1', 12, 16) === 'REMB'
  ) {
    const word = data.readUInt32BE(16) & 0xff_ffff;
    return { type: 'remb', bitrateBps: (word & 0x3_ffff) * 2 ** (word >>> 18) };
  }
  return undefined;
}

/** Parses a compound packet. Never throws; malformed and unknown parts are left out. */
export function parseRtcp(compound: Buffer): RtcpPacket[] {
  const packets: RtcpPacket[] = [];
  for (let at = 0; at + 4 <= compound.length; ) {
    const length = 4 + compound.readUInt16BE(at + 2) * 4;
    if ((compound[at] as number) >> 6 !== 2 || at + length > compound.length) break;
    const packet = parseOne(compound.subarray(at, at + length));
    if (packet) packets.push(packet);
    at += length;
  }
  return packets;
}

function header(type: number, count: number, length: number): Buffer {
  const out = Buffer.alloc(length);
  out[0] = 0x80 | count;
  out[1] = type;
  out.writeUInt16BE(length / 4 - 1, 2);
  return out;
}

function writeBlock(out: Buffer, at: number, block: ReportBlock): void {
  out.writeUInt32BE(block.ssrc, at);
  out[at + 4] = block.fractionLost;
  out.writeIntBE(Math.max(-0x80_0000, Math.min(0x7f_ffff, block.cumulativeLost)), at + 5, 3);
  out.writeUInt32BE(block.highestSequence >>> 0, at + 8);
  out.writeUInt32BE(block.jitter >>> 0, at + 12);
  out.writeUInt32BE(block.lastSenderReport >>> 0, at + 16);
  out.writeUInt32BE(block.delaySinceLastSenderReport >>> 0, at + 20);
}

export interface SenderReportFields {
  readonly ssrc: Ssrc;
  readonly ntp: NtpTime;
  readonly rtpTimestamp: number;
  readonly packetCount: number;
  readonly octetCount: number;
}

export function buildSenderReport(fields: SenderReportFields): Buffer {
  const out = header(SR, 0, 28);
  out.writeUInt32BE(fields.ssrc, 4);
  out.writeUInt32BE(fields.ntp.seconds, 8);
  out.writeUInt32BE(fields.ntp.fraction, 12);
  out.writeUInt32BE(fields.rtpTimestamp >>> 0, 16);
  out.writeUInt32BE(fields.packetCount >>> 0, 20);
  out.writeUInt32BE(fields.octetCount >>> 0, 24);
  return out;
}

/** @param blocks at most 31. */
export function buildReceiverReport(ssrc: Ssrc, blocks: readonly ReportBlock[]): Buffer {
  const out = header(RR, blocks.length, 8 + blocks.length * 24);
  out.writeUInt32BE(ssrc, 4);
  blocks.forEach((block, index) => {
    writeBlock(out, 8 + index * 24, block);
  });
  return out;
}

/** Source description with a CNAME, which ties a client's audio and video together (RFC 3550, 6.5.1). */
export function buildCname(ssrc: Ssrc, cname: string): Buffer {
  const name = Buffer.from(cname, 'utf8').subarray(0, 255);
  const length = Math.ceil((4 + 4 + 2 + name.length + 1) / 4) * 4;
  const out = header(SDES, 1, length);
  out.writeUInt32BE(ssrc, 4);
  out[8] = 1;
  out[9] = name.length;
  name.copy(out, 10);
  return out;
}

/** Generic NACK for sequence numbers in ascending order, which may be extended beyond 16 bits (RFC 4585, 6.2.1). */
export function buildNack(sender: Ssrc, media: Ssrc, sequences: readonly number[]): Buffer {
  const items: [number, number][] = [];
  for (const sequence of sequences) {
    const last = items[items.length - 1];
    const delta = last ? (sequence - last[0]) & 0xffff : 0;
    if (last && delta >= 1 && delta <= 16) last[1] |= 1 << (delta - 1);
    else items.push([sequence & 0xffff, 0]);
  }
  const out = header(RTPFB, 1, 12 + items.length * 4);
  out.writeUInt32BE(sender, 4);
  out.writeUInt32BE(media, 8);
  items.forEach(([first, mask], index) => {
    out.writeUInt16BE(first, 12 + index * 4);
    out.writeUInt16BE(mask, 14 + index * 4);
  });
  return out;
}

/** The receiver's estimate, rounded down to the 18 bits of the format (draft-alvestrand-rmcat-remb-03, 2.2). */
export function buildRemb(sender: Ssrc, bitrateBps: number, media: readonly Ssrc[]): Buffer {
  const out = header(PSFB, 15, 20 + media.length * 4);
  out.writeUInt32BE(sender, 4);
  out.write('REMB', 12, 'latin1');
  const exponent = Math.max(0, Math.ceil(Math.log2((bitrateBps + 1) / 0x4_0000)));
  const mantissa = Math.floor(bitrateBps / 2 ** exponent);
  out.writeUInt32BE(((media.length << 24) | (exponent << 18) | mantissa) >>> 0, 16);
  media.forEach((ssrc, index) => {
    out.writeUInt32BE(ssrc, 20 + index * 4);
  });
  return out;
}

/** Picture loss indication (RFC 4585, 6.3.1). */
export function buildPli(sender: Ssrc, media: Ssrc): Buffer {
  const out = header(PSFB, 1, 12);
  out.writeUInt32BE(sender, 4);
  out.writeUInt32BE(media, 8);
  return out;
}

/** Wraps a transport-wide feedback body (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1). */
export function buildTransportFeedback(sender: Ssrc, media: Ssrc, body: Buffer): Buffer {
  const padded = Math.ceil(body.length / 4) * 4;
  const out = header(RTPFB, 15, 12 + padded);
  out.writeUInt32BE(sender, 4);
  out.writeUInt32BE(media, 8);
  body.copy(out, 12);
  return out;
}

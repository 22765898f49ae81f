/**
 * The rtpdump file format of rtptools, which Wireshark reads too: a text line, a header of 16 bytes,
 * then a record for each packet with the time since the start in milliseconds. Pure, no I/O.
 */
const MAGIC = '#!rtpplay1.0 ';
const HEADER_BYTES = 16;
const RECORD_HEADER_BYTES = 8;
/** Records have a length of 16 bits, their header included. */
export const MAX_DUMPED_PACKET_BYTES = 0xffff - RECORD_HEADER_BYTES;

/** One packet of a dump. */
export interface DumpedPacket {
  readonly kind: 'rtp' | 'rtcp';
  /** Since the start of the dump, in milliseconds. */
  readonly offsetMs: number;
  /** The packet, or the compound RTCP packet, unencrypted. */
  readonly data: Buffer;
}

/** The beginning of a file. @param startedAt in ms since 1970. */
export function dumpHeader(startedAt: number): Buffer {
  const line = Buffer.from(`${MAGIC}0.0.0.0/0\n`);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(Math.floor(startedAt / 1000), 0);
  header.writeUInt32BE(Math.round((startedAt % 1000) * 1000), 4);
  return Buffer.concat([line, header]);
}

/**
 * A packet's record, copied: the packet's own buffer may be used again.
 * @throws RangeError if the packet is longer than {@link MAX_DUMPED_PACKET_BYTES}.
 */
export function dumpRecord({ kind, offsetMs, data }: DumpedPacket): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER_BYTES + data.length);
  record.writeUInt16BE(record.length, 0);
  // RTCP is marked by a packet length of 0.
  record.writeUInt16BE(kind === 'rtp' ? data.length : 0, 2);
  record.writeUInt32BE(Math.max(0, Math.round(offsetMs)), 4);
  data.copy(record, RECORD_HEADER_BYTES);
  return record;
}

export interface RtpDump {
  /** In ms since 1970. */
  readonly startedAt: number;
  readonly packets: readonly DumpedPacket[];
  /** The file ends in the middle of a record: it was cut. */
  readonly truncated: boolean;
}

/** Reads a whole file. Packets are views into it. @throws Error if it is not an rtpdump file. */
export function readDump(file: Buffer): RtpDump {
  const lineEnd = file.indexOf(0x0a);
  const start = lineEnd + 1 + HEADER_BYTES;
  if (file.toString('latin1', 0, MAGIC.length) !== MAGIC || lineEnd < 0 || file.length < start) {
    throw new Error(`not an rtpdump file: it does not begin with "${MAGIC.trim()}"`);
  }
  const startedAt =
    file.readUInt32BE(lineEnd + 1) * 1000 + Math.round(file.readUInt32BE(lineEnd + 5) / 1000);
  const packets: DumpedPacket[] = [];
  let at = start;
  while (at + RECORD_HEADER_BYTES <= file.length) {
    const length = file.readUInt16BE(at);
    if (length < RECORD_HEADER_BYTES || at + length > file.length) break;
    packets.push({
      kind: file.readUInt16BE(at + 2) === 0 ? 'rtcp' : 'rtp',
      offsetMs: file.readUInt32BE(at + 4),
      data: file.subarray(at + RECORD_HEADER_BYTES, at + length),
    });
    at += length;
  }
  return { startedAt, packets, truncated: at !== file.length };
}

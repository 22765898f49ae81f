import { expect, test } from 'vitest';
import {
  type DumpedPacket,
  dumpHeader,
  dumpRecord,
  MAX_DUMPED_PACKET_BYTES,
  readDump,
} from '../../../src/rtp/rtpdump.js';

const PACKETS: DumpedPacket[] = [
  { kind: 'rtp', offsetMs: 0, data: Buffer.from('8060000100000001000000aa', 'hex') },
  { kind: 'rtcp', offsetMs: 12, data: Buffer.from('80c90001000000aa', 'hex') },
  { kind: 'rtp', offsetMs: 70_000, data: Buffer.alloc(1200, 7) },
];
const fileOf = (packets: readonly DumpedPacket[]) =>
  Buffer.concat([dumpHeader(1_700_000_000_123), ...packets.map(dumpRecord)]);

test('a dump gives back its packets with their kinds and times', () => {
  const dump = readDump(fileOf(PACKETS));
  expect(dump.startedAt).toBe(1_700_000_000_123);
  expect(dump.packets).toEqual(PACKETS);
  expect(dump.truncated).toBe(false);
});

test('the bytes are those of rtptools', () => {
  const file = fileOf(PACKETS.slice(0, 2));
  expect(file.subarray(0, 23).toString()).toBe('#!rtpplay1.0 0.0.0.0/0\n');
  expect(file.subarray(39).toString('hex')).toBe(
    // Length with header, length of the packet (0 is RTCP), time, packet.
    '0014000c000000008060000100000001000000aa' + '001000000000000c80c90001000000aa',
  );
});

test('a file that was cut gives all whole packets and says so', () => {
  const dump = readDump(fileOf(PACKETS).subarray(0, -10));
  expect(dump.packets).toEqual(PACKETS.slice(0, 2));
  expect(dump.truncated).toBe(true);
});

test('a record with an impossible length ends the reading', () => {
  const dump = readDump(Buffer.concat([fileOf(PACKETS.slice(0, 1)), Buffer.alloc(8)]));
  expect(dump.packets).toHaveLength(1);
  expect(dump.truncated).toBe(true);
});

test.each(['', '#!rtpplay1.0', 'RIFF....WAVE\n'.padEnd(64)])('%j is not a dump', (text) => {
  expect(() => readDump(Buffer.from(text))).toThrow('not an rtpdump file');
});

test('a packet that no record can hold is refused', () => {
  const data = Buffer.alloc(MAX_DUMPED_PACKET_BYTES + 1);
  expect(() => dumpRecord({ kind: 'rtp', offsetMs: 0, data })).toThrow(RangeError);
});

import { expect, test } from 'vitest';
import {
  buildNack,
  buildPli,
  buildReceiverReport,
  buildSenderReport,
  parseRtcp,
} from '../../../src/rtp/rtcp.js';
import { NO_EXTENSIONS, parseRtp, writeRtpHeader } from '../../../src/rtp/rtp-packet.js';
import { sequenceDelta, Unwrapper } from '../../../src/rtp/sequence.js';

test('sequence numbers and timestamps unwrap over the end', () => {
  expect(sequenceDelta(65_535, 0)).toBe(1);
  expect(sequenceDelta(0, 65_535)).toBe(-1);
  const sequences = new Unwrapper(16);
  expect([65_534, 65_535, 0, 65_535, 1].map((value) => sequences.unwrap(value))).toEqual([
    65_534, 65_535, 65_536, 65_535, 65_537,
  ]);
  const timestamps = new Unwrapper(32);
  expect([0xffff_ff00, 100].map((value) => timestamps.unwrap(value))).toEqual([
    0xffff_ff00, 0x1_0000_0064,
  ]);
});

test('a header that is written is read back, with its extension', () => {
  const packet = Buffer.alloc(30, 7);
  const fields = {
    payloadType: 96,
    marker: true,
    sequence: 65_535,
    timestamp: 0xffff_ffff,
    ssrc: 0xdead_beef,
  };
  const length = writeRtpHeader(packet, {
    ...fields,
    transportSequence: 513,
    transportSequenceId: 3,
  });
  const parsed = parseRtp(packet, { ...NO_EXTENSIONS, transportSequence: 3 });
  expect(parsed).toMatchObject({ ...fields, headerLength: length, transportSequence: 513 });
  expect(parsed?.payload).toHaveLength(30 - length);
});

test('extensions with ids above 14 are written and read in the two-byte form (RFC 8285, 4.3)', () => {
  for (const id of [16, 200, 255]) {
    const packet = Buffer.alloc(40, 7);
    const head = { payloadType: 96, marker: false, sequence: 1, timestamp: 2, ssrc: 3 };
    const written = { ...head, transportSequence: 513, transportSequenceId: id };
    expect(writeRtpHeader(packet, written)).toBe(20);
    const ids = { ...NO_EXTENSIONS, transportSequence: id };
    expect(parseRtp(packet, ids)?.transportSequence).toBe(513);
  }
  // Two of them, with an empty one and padding between.
  const body = Buffer.from([200, 1, 0x31, 0, 99, 0, 255, 2, 0x68, 0x69, 0, 0]);
  const head = Buffer.from('900000010000000200000003' + '10000003', 'hex');
  const packet = Buffer.concat([head, body, Buffer.from('payload')]);
  const parsed = parseRtp(packet, { ...NO_EXTENSIONS, mid: 200, rid: 255 });
  expect([parsed?.mid, parsed?.rid, parsed?.payload.toString()]).toEqual(['1', 'hi', 'payload']);
});

test('malformed RTP gives undefined, never an exception', () => {
  const ids = { ...NO_EXTENSIONS, mid: 1, rid: 2, repairedRid: 3, transportSequence: 5 };
  for (let seed = 0; seed < 5000; seed++) {
    const bytes = Buffer.from(
      Array.from({ length: seed % 40 }, (_, i) => (seed * 31 + i * 97 + ((seed * i) >> 3)) & 255),
    );
    if (bytes.length > 0) bytes[0] = 0x80 | ((bytes[0] as number) & 0x3f);
    expect(() => parseRtp(bytes, ids)).not.toThrow();
    expect(() => parseRtcp(bytes)).not.toThrow();
  }
  const padded = Buffer.alloc(14);
  padded[0] = 0xa0;
  padded[13] = 200;
  expect(parseRtp(padded, NO_EXTENSIONS)).toBeUndefined();
});

test('compound RTCP is read back part by part', () => {
  const block = {
    ssrc: 5,
    fractionLost: 12,
    cumulativeLost: -3,
    highestSequence: 70_000,
    jitter: 9,
    lastSenderReport: 1,
    delaySinceLastSenderReport: 2,
  };
  const ntp = { seconds: 10, fraction: 20 };
  const parsed = parseRtcp(
    Buffer.concat([
      buildSenderReport({ ssrc: 1, ntp, rtpTimestamp: 99, packetCount: 3, octetCount: 4 }),
      buildReceiverReport(2, [block]),
      buildNack(3, 4, [65_534, 65_535, 65_536, 65_550, 65_576]),
      buildPli(6, 7),
    ]),
  );
  expect(parsed).toEqual([
    { type: 'sender-report', ssrc: 1, ntp, rtpTimestamp: 99, blocks: [] },
    { type: 'receiver-report', ssrc: 2, blocks: [block] },
    { type: 'nack', mediaSsrc: 4, sequences: [65_534, 65_535, 0, 14, 40] },
    { type: 'pli', mediaSsrc: 7 },
  ]);
});

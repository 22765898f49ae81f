/** What holds for any bytes that RTP and RTCP are read from, and for all that we write. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  buildNack,
  buildReceiverReport,
  buildRemb,
  buildSenderReport,
  parseRtcp,
  type ReportBlock,
} from '../../../src/rtp/rtcp.js';
import { parseRtp, rtpHeaderLength, writeRtpHeader } from '../../../src/rtp/rtp-packet.js';
import { dumpHeader, dumpRecord, readDump } from '../../../src/rtp/rtpdump.js';
import { Unwrapper } from '../../../src/rtp/sequence.js';
import { readTransportFeedback } from '../../../src/send/transport-feedback-reader.js';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = (maxLength = 300) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const IDS = {
  mid: 1,
  rid: 2,
  repairedRid: 3,
  audioLevel: 4,
  transportSequence: 5,
  absSendTime: 6,
  colourSpace: 7,
  orientation: 8,
};

test('any bytes are an RTP packet with all its parts inside of them, or none', () => {
  const looksLikeRtp = bytes().map((data) => {
    if (data.length > 0) data[0] = 0x80 | ((data[0] as number) & 0x3f);
    return data;
  });
  fc.assert(
    fc.property(fc.oneof(bytes(), looksLikeRtp), (data) => {
      const packet = parseRtp(data, IDS);
      if (!packet) return;
      expect(packet.headerLength).toBe(rtpHeaderLength(data));
      expect(packet.headerLength + packet.payload.length).toBeLessThanOrEqual(data.length);
    }),
  );
});

test('what is written into a header is read from it', () => {
  const fields = fc.record({
    payloadType: fc.integer({ min: 0, max: 127 }),
    marker: fc.boolean(),
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    transportSequence: u16,
    transportSequenceId: fc.constantFrom(0, IDS.transportSequence),
  });
  fc.assert(
    fc.property(fields, bytes(), (header, payload) => {
      const out = Buffer.alloc(20 + payload.length);
      const length = writeRtpHeader(out, header);
      payload.copy(out, length);
      const packet = parseRtp(out.subarray(0, length + payload.length), IDS);
      const { transportSequence, transportSequenceId, ...rest } = header;
      expect(packet).toMatchObject(rest);
      const expected = transportSequenceId === 0 ? undefined : transportSequence;
      expect(packet?.transportSequence).toBe(expected);
      expect(packet?.payload).toEqual(payload);
    }),
  );
});

const block: fc.Arbitrary<ReportBlock> = fc.record({
  ssrc: u32,
  fractionLost: u8,
  cumulativeLost: fc.integer({ min: -0x80_0000, max: 0x7f_ffff }),
  highestSequence: u32,
  jitter: u32,
  lastSenderReport: u32,
  delaySinceLastSenderReport: u32,
});

test('reports are read as they were written', () => {
  const report = fc.record({
    ssrc: u32,
    ntp: fc.record({ seconds: u32, fraction: u32 }),
    rtpTimestamp: u32,
    packetCount: u32,
    octetCount: u32,
  });
  fc.assert(
    fc.property(report, fc.array(block, { maxLength: 31 }), (sent, blocks) => {
      const { ssrc, ntp, rtpTimestamp } = sent;
      const compound = Buffer.concat([buildSenderReport(sent), buildReceiverReport(ssrc, blocks)]);
      expect(parseRtcp(compound)).toEqual([
        { type: 'sender-report', ssrc, ntp, rtpTimestamp, blocks: [] },
        { type: 'receiver-report', ssrc, blocks },
      ]);
    }),
  );
});

test('a NACK asks for exactly the packets that it was made of', () => {
  const numbers = fc.uniqueArray(u16, { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(u32, u32, numbers, (sender, media, sequences) => {
      const sorted = sequences.sort((a, b) => a - b);
      const [nack] = parseRtcp(buildNack(sender, media, sorted));
      expect(nack).toEqual({ type: 'nack', mediaSsrc: media, sequences: sorted });
    }),
  );
});

test('an estimate loses no more than its last bits', () => {
  fc.assert(
    fc.property(u32, fc.integer({ min: 0, max: 1e9 }), (sender, bps) => {
      const [remb] = parseRtcp(buildRemb(sender, bps, [1]));
      const read = remb?.type === 'remb' ? remb.bitrateBps : Number.NaN;
      expect(read).toBeLessThanOrEqual(bps);
      expect(read).toBeGreaterThanOrEqual(bps * (1 - 2 ** -17) - 1);
    }),
  );
});

test('any bytes are RTCP, all of it finite and no longer than they allow', () => {
  const packet = fc
    .tuple(u8, fc.integer({ min: 192, max: 223 }), bytes(120))
    .map(([count, type, body]) => {
      const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
      const head = Buffer.from([0x80 | (count & 0x1f), type, 0, padded.length / 4]);
      return Buffer.concat([head, padded]);
    });
  const compound = fc.array(packet, { maxLength: 4 }).map((parts) => Buffer.concat(parts));
  fc.assert(
    fc.property(fc.oneof(bytes(), compound), (data) => {
      for (const parsed of parseRtcp(data)) {
        if (parsed.type === 'nack') expect(parsed.sequences.length).toBeLessThan(data.length * 5);
        if (parsed.type !== 'transport-feedback') continue;
        for (const { arrival = 0 } of readTransportFeedback(parsed.body)) {
          expect(Number.isFinite(arrival)).toBe(true);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('a dump has the packets that were put into it', () => {
  const packets = fc.array(
    fc.record({
      kind: fc.constantFrom('rtp' as const, 'rtcp' as const),
      offsetMs: u32,
      data: bytes(),
    }),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(packets, (written) => {
      // An empty packet cannot be told from RTCP.
      const whole = written.filter(({ data }) => data.length > 0);
      const file = Buffer.concat([dumpHeader(0), ...whole.map(dumpRecord)]);
      expect(readDump(file)).toEqual({ startedAt: 0, packets: whole, truncated: false });
    }),
  );
});

test('sequence numbers that move less than half of their range are extended without a jump', () => {
  const steps = fc.array(fc.integer({ min: -0x7fff, max: 0x7fff }), { maxLength: 50 });
  fc.assert(
    fc.property(u16, steps, (first, moves) => {
      const unwrapper = new Unwrapper(16);
      let highest = unwrapper.unwrap(first);
      for (const move of moves) {
        const expected = highest + move;
        expect(unwrapper.unwrap(expected & 0xffff)).toBe(expected);
        highest = Math.max(highest, expected);
      }
    }),
  );
});

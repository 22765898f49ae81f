import { expect, test } from 'vitest';
import { splitRed } from '../../../src/receive/red-depacketizer.js';
import type { ReportBlock } from '../../../src/rtp/rtcp.js';
import { NO_EXTENSIONS, parseRtp } from '../../../src/rtp/rtp-packet.js';
import { BandwidthEstimator } from '../../../src/send/bandwidth-estimator.js';
import { OutboundStream } from '../../../src/send/outbound-stream.js';
import { PacedSender } from '../../../src/send/paced-sender.js';
import { packetizeRed, redundancyFor } from '../../../src/send/red-packetizer.js';

const frame = (timestamp: number, fill: number) => ({ timestamp, payload: Buffer.alloc(60, fill) });

test('redundant frames are read back, oldest first; those that do not fit are left out', () => {
  const red = packetizeRed(frame(5760, 3), [frame(3840, 1), frame(4800, 2)], 111);
  expect(splitRed(red)).toEqual([
    { timestampOffset: 1920, payloadType: 111, payload: Buffer.alloc(60, 1) },
    { timestampOffset: 960, payloadType: 111, payload: Buffer.alloc(60, 2) },
    { timestampOffset: 0, payloadType: 111, payload: Buffer.alloc(60, 3) },
  ]);
  const large = { timestamp: 4800, payload: Buffer.alloc(1024) };
  expect(splitRed(packetizeRed(frame(5760, 3), [large], 111))).toHaveLength(1);
});

test('malformed redundancy gives undefined, never an exception', () => {
  expect(splitRed(Buffer.alloc(0))).toBeUndefined();
  expect(splitRed(Buffer.from([0xef, 0, 0x0f, 0xff, 0x6f, 1]))).toBeUndefined();
  expect(splitRed(Buffer.alloc(100, 0xff))).toBeUndefined();
});

test('redundancy follows the loss that the receiver reports', () => {
  expect([0, 0.005, 0.03, 0.2].map((loss) => redundancyFor(loss, 10))).toEqual([0, 0, 1, 2]);
  expect([0.5, 1, 2.9, 3].map((room) => redundancyFor(0.2, room))).toEqual([0, 0, 1, 2]);
  const sent: Buffer[] = [];
  const stream = new OutboundStream(
    {
      ssrc: 1,
      payloadType: 111,
      redPayloadType: 63,
      clockRate: 48_000,
      cname: 'c',
      rtx: undefined,
    },
    new PacedSender(
      {
        sendRtp: (packet, length) => sent.push(Buffer.from(packet.subarray(0, length))) > 0,
        sendRtcp: () => true,
      },
      new BandwidthEstimator({ startBps: 1e6, minBps: 1e4, maxBps: 1e7 }),
      0,
    ),
  );
  for (let i = 0; i < 3; i++)
    stream.sendAudio(Buffer.alloc(60, i), i * 20_000, 0, {
      frameDuration: 20_000,
      availableBps: 1e6,
    });
  const report = (fractionLost: number) =>
    stream.receiverReport({ fractionLost, lastSenderReport: 0 } as ReportBlock, 0);
  report(26);
  stream.sendAudio(Buffer.alloc(60, 3), 60_000, 0, { frameDuration: 20_000, availableBps: 1e6 });
  const packets = sent.map((bytes) => parseRtp(bytes, NO_EXTENSIONS));
  expect(packets.map((packet) => packet?.payloadType)).toEqual([111, 111, 111, 63]);
  const blocks = splitRed(packets[3]?.payload as Buffer) ?? [];
  expect(blocks.map(({ timestampOffset }) => timestampOffset)).toEqual([1920, 960, 0]);
  for (let i = 0; i < 30; i++) report(0);
  stream.sendAudio(Buffer.alloc(60, 4), 80_000, 0, { frameDuration: 20_000, availableBps: 1e6 });
  expect(parseRtp(sent.at(-1) as Buffer, NO_EXTENSIONS)?.payloadType).toBe(111);
});

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { Captures, type CapturesOptions } from '../../../src/captures/captures.js';
import { offerRecord, readOffers } from '../../../src/captures/offers.js';
import type { MediaTap } from '../../../src/rooms/media-tap.js';
import type { ParticipantInfo } from '../../../src/rooms/participant-info.js';
import { UpdateBus } from '../../../src/rooms/update-bus.js';
import { readDump } from '../../../src/rtp/rtpdump.js';
import { nowMicros } from '../../../src/util/clock.js';

const OFFER = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n';
const logger = pino({ level: 'silent' });
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-captures-'));
});

function participant(id = 'ada') {
  const tapped = {
    id,
    name: 'Ada',
    offerSdp: OFFER,
    tap: undefined as MediaTap | undefined,
    setTap(tap: MediaTap | undefined) {
      tapped.tap = tap;
    },
  };
  return tapped;
}

async function captures(options: Partial<CapturesOptions> = {}): Promise<Captures> {
  const all = new Captures(
    { folder, maxMs: 60_000, maxBytes: 1 << 20, maxKept: 3, ...options },
    logger,
  );
  await all.start();
  return all;
}

test('captures hold what was sent, with times, and the offer', async () => {
  const all = await captures();
  const ada = participant();
  const { id, status } = await all.capture('demo', ada);
  expect(status).toBe('active');
  const packet = Buffer.from('8060000100000001000000aa', 'hex');
  const now = nowMicros();
  ada.tap?.packet('rtp', packet, now + 20_000);
  packet.fill(0); // The capture has its own copy.
  ada.tap?.packet('rtcp', Buffer.from('80c90001000000aa', 'hex'), now + 40_000);
  ada.tap?.offer(OFFER, now + 50_000);
  const ended = await all.stop(id);
  expect(ended).toMatchObject({ status: 'ended', reason: 'stopped', packets: 2, dropped: 0 });
  expect(ada.tap).toBeUndefined();
  const { dump, sdp } = all.endedFilesOf(id);
  const { packets, truncated } = readDump(await readFile(dump));
  expect(truncated).toBe(false);
  expect(packets.map(({ kind, data }) => `${kind} ${data.toString('hex')}`)).toEqual([
    'rtp 8060000100000001000000aa',
    'rtcp 80c90001000000aa',
  ]);
  expect((packets[1]?.offsetMs ?? 0) - (packets[0]?.offsetMs ?? 0)).toBe(20);
  const offers = readOffers(await readFile(sdp, 'utf8'));
  expect(offers.map((offer) => offer.sdp)).toEqual([OFFER, OFFER]);
  expect(offers[1]?.offsetMs).toBeGreaterThanOrEqual(50);
});

test('a capture ends at its limits of time and size', async () => {
  const all = await captures({ maxBytes: 200 });
  const ada = participant();
  const byTime = await all.capture('demo', ada, 1);
  ada.tap?.packet('rtp', Buffer.alloc(20), nowMicros() + 1_500_000);
  expect(await all.stop(byTime.id)).toMatchObject({ reason: 'time', packets: 0 });
  const bySize = await all.capture('demo', ada);
  for (let i = 0; i < 10; i++) ada.tap?.packet('rtp', Buffer.alloc(50), nowMicros());
  const ended = await all.stop(bySize.id);
  expect(ended.reason).toBe('size');
  expect(ended.bytes).toBeLessThanOrEqual(200);
  expect(readDump(await readFile(all.endedFilesOf(bySize.id).dump)).packets).toHaveLength(
    ended.packets,
  );
});

test('the timer ends a capture in which nothing is sent', async () => {
  const all = await captures({ maxMs: 30 });
  const ada = participant();
  const { id } = await all.capture('demo', ada);
  await expect.poll(() => all.get(id).status).toBe('ended');
  expect(all.get(id).reason).toBe('time');
});

test('captures are refused when they are off, doubled, or too many', async () => {
  const off = await captures({ maxMs: 0 });
  await expect(off.capture('demo', participant())).rejects.toMatchObject({ code: 'captures_off' });
  const all = await captures({ maxKept: 2 });
  const ada = participant();
  await all.capture('demo', ada);
  await expect(all.capture('demo', ada)).rejects.toMatchObject({ code: 'capture_exists' });
  const { id } = await all.capture('demo', participant('grace'));
  const third = participant('edsger');
  await expect(all.capture('demo', third)).rejects.toMatchObject({ code: 'too_many_captures' });
  await all.delete(id);
  expect((await all.capture('demo', third)).status).toBe('active');
  await all.close();
});

test('a participant who leaves ends their capture, a deleted one leaves no file', async () => {
  const all = await captures();
  const updates = new UpdateBus(logger);
  all.follow({ updates });
  const ada = participant();
  const { id } = await all.capture('demo', ada);
  updates.publish({ type: 'left', participant: { id: 'ada' } as ParticipantInfo, hidden: false });
  await expect.poll(() => all.get(id).reason).toBe('left');
  await all.delete(id);
  expect(() => all.get(id)).toThrow('there is no such capture');
  expect(await readdir(folder)).toEqual([]);
});

test('captures are there after a restart; an active one is lost, with what was written', async () => {
  const before = await captures();
  const ada = participant();
  const { id } = await before.capture('demo', ada);
  const after = await captures();
  expect(after.get(id)).toMatchObject({ status: 'ended', reason: 'lost', room: 'demo' });
  await before.close();
});

test('a folder that cannot be written ends the capture, and says so', async () => {
  const all = await captures();
  const ada = participant();
  const { id } = await all.capture('demo', ada);
  await rm(folder, { recursive: true });
  expect(await all.stop(id)).toMatchObject({ status: 'ended', reason: 'failed' });
});

test('an offer is stored as it came, with its time', () => {
  const text = offerRecord(OFFER, 0) + offerRecord(OFFER.replace('audio', 'video'), 1234);
  expect(text).toContain('a=x-capture-ms:1234\r\nm=video');
  expect(readOffers(text)).toEqual([
    { offsetMs: 0, sdp: OFFER },
    { offsetMs: 1234, sdp: OFFER.replace('audio', 'video') },
  ]);
  // An SDP file of another program.
  expect(readOffers(OFFER)).toEqual([{ offsetMs: 0, sdp: OFFER }]);
});

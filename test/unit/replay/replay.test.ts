import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { readOffers } from '../../../src/captures/offers.js';
import { loadConfig } from '../../../src/config/load.js';
import { replay } from '../../../src/replay/replay.js';
import { reportOf } from '../../../src/replay/report.js';
import { type DumpedPacket, type RtpDump, readDump } from '../../../src/rtp/rtpdump.js';
import { CAPTURED_OFFERS, madeCapture } from '../../support/capture.js';

const SECONDS = 3;
const VIDEO_PAYLOAD_TYPE = 96;
const { mix } = loadConfig({}).config.rooms;
let clean: RtpDump;
beforeAll(async () => {
  clean = await madeCapture(SECONDS, 60);
});

const isVideo = ({ data }: DumpedPacket) => ((data[1] ?? 0) & 0x7f) === VIDEO_PAYLOAD_TYPE;
const without = (dump: RtpDump, lost: (packet: DumpedPacket) => boolean): RtpDump => ({
  ...dump,
  packets: dump.packets.filter((packet) => !lost(packet)),
});

test('a clean capture is decoded whole, without a gap in the sound', async () => {
  const frames: number[] = [];
  const { receiver, mixer, moments } = await replay(clean, CAPTURED_OFFERS, {
    mix,
    onVideo: ({ ptsMicros }) => frames.push(ptsMicros),
  });
  expect(receiver.video_frames_received).toBe(SECONDS * 30);
  expect(mixer.video_frames_decoded).toBe(SECONDS * 30);
  expect(mixer.audio_frames_decoded).toBeGreaterThanOrEqual(SECONDS * 50 - 2);
  expect(moments.map(({ what }) => what)).toEqual(['offer: mic, camera']);
  // The encoder may drop frames to keep its bitrate.
  expect(frames.length).toBeGreaterThan(SECONDS * 10);
  expect(mixer.video_ticks).toBeGreaterThanOrEqual(SECONDS * 30);
});

test('the same capture gives the same result, however fast the machine is', async () => {
  const lossy = without(clean, ({ offsetMs }) => offsetMs % 7 === 0);
  const [first, second] = [
    await replay(lossy, CAPTURED_OFFERS, { mix }),
    await replay(lossy, CAPTURED_OFFERS, { mix }),
  ];
  expect(second).toEqual(first);
});

test('a lost frame shows where it was lost, and when a keyframe was asked for', async () => {
  const lossy = without(clean, (packet) => isVideo(packet) && packet.offsetMs === 1000);
  const result = await replay(lossy, CAPTURED_OFFERS, { mix });
  expect(result.receiver.video_frames_lost).toBe(1);
  expect(result.receiver.nacks_sent).toBeGreaterThan(0);
  const asked = result.moments.find(({ what }) => what.includes('asked for a keyframe'));
  expect(asked?.offsetMs).toBeGreaterThanOrEqual(1000);
  expect(asked?.offsetMs).toBeLessThan(2500);
  const report = reportOf(result);
  expect(report).toContain('video_frames_lost 1');
  expect(report).toMatch(/\d\.\d{3} s {2}the sender is asked for a keyframe/);
});

test('sound that was lost is concealed, and counted', async () => {
  const lossy = without(clean, (packet) => !isVideo(packet) && packet.offsetMs % 400 === 0);
  const { mixer } = await replay(lossy, CAPTURED_OFFERS, { mix });
  expect(mixer.audio_samples_concealed).toBeGreaterThan(0);
  const { mixer: whole } = await replay(clean, CAPTURED_OFFERS, { mix });
  expect(mixer.audio_samples_concealed).toBeGreaterThan(whole.audio_samples_concealed ?? 0);
});

/** Captures of faults that were mended: each has a line on what it holds and what must come out. */
describe('test/captures', () => {
  const folder = new URL('../../captures/', import.meta.url);
  const dumps = readdirSync(folder).filter((name) => name.endsWith('.rtpdump'));
  test.each(dumps)('%s', async (name) => {
    const file = (ending: string) =>
      readFileSync(new URL(name.replace(/rtpdump$/, ending), folder));
    const expected = JSON.parse(file('json').toString()) as {
      receiver: Record<string, number>;
      mixer: Record<string, number>;
    };
    const offers = readOffers(file('sdp').toString());
    const result = await replay(readDump(file('rtpdump')), offers, { mix });
    expect(result.receiver).toMatchObject(expected.receiver);
    expect(result.mixer).toMatchObject(expected.mixer);
  });
});

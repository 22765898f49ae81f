import { expect, test } from 'vitest';
import { AvSync, MAX_AUDIO_HOLD } from '../../../src/mixer/av-sync.js';
import { ClientReports } from '../../../src/peer/client-reports.js';
import { SenderClock } from '../../../src/receive/sender-clock.js';
import { parseRtcp } from '../../../src/rtp/rtcp.js';

const ntp = (seconds: number) => ({
  seconds: Math.floor(seconds),
  fraction: Math.floor((seconds % 1) * 2 ** 32),
});

test('a sender clock maps timestamps; after a jump it is unknown until two reports agree', () => {
  const clock = new SenderClock(90_000);
  expect(clock.captureMicros(0)).toBeNaN();
  clock.report(ntp(1000.5), 90_000);
  expect(clock.captureMicros(135_000)).toBeCloseTo(1_001_000_000, -2);
  clock.report(ntp(1002.9), 180_000);
  expect(clock.captureMicros(180_000)).toBeNaN();
  clock.report(ntp(1003.9), 270_000);
  expect(clock.captureMicros(270_000)).toBeNaN();
  clock.report(ntp(1004.9), 360_000);
  expect(clock.captureMicros(360_000)).toBeCloseTo(1_004_900_000, -2);
});

test("a client's reports put its audio and video on one clock", () => {
  const reports = new ClientReports('client');
  const clocks = new Map([
    [1, new SenderClock(48_000)],
    [2, new SenderClock(90_000)],
  ]);
  for (let second = 1; second <= 5; second++) {
    const at = second * 1_000_000;
    reports.sent(1, second * 48_000, 48_000, 100, at);
    reports.sent(2, second * 90_000 + 777, 90_000, 1000, at);
    for (const packet of reports.reports(at + 300_000).flatMap(parseRtcp)) {
      if (packet.type !== 'sender-report') continue;
      clocks.get(packet.ssrc)?.report(packet.ntp, packet.rtpTimestamp);
    }
    const [sound, picture] = [
      clocks.get(1)?.captureMicros(second * 48_000) ?? Number.NaN,
      clocks.get(2)?.captureMicros(second * 90_000 + 777) ?? Number.NaN,
    ];
    expect(Math.abs(sound - picture)).toBeLessThan(50);
  }
  // A stream that ended is not reported any more.
  expect(reports.reports(60_000_000)).toEqual([]);
});

test('an early picture waits for its audio, audio waits for a late picture, within limits', () => {
  const early = new AvSync();
  for (let t = 0; t < 100; t++) early.audioMixed(t * 20_000, t * 20_000 + 80_000);
  expect(early.videoDue(2_000_000, 2_030_000)).toBeCloseTo(2_080_000, -3);
  expect(early.audioHold).toBe(0);

  const late = new AvSync();
  let hold = 0;
  for (let t = 0; t < 3000; t++) {
    late.audioMixed(t * 20_000, t * 20_000 + 40_000 + hold);
    late.videoDue(t * 20_000, t * 20_000 + 120_000);
    hold = late.audioHold;
  }
  expect(hold).toBeGreaterThan(60_000);
  expect(hold).toBeLessThan(90_000);
  for (let t = 0; t < 3000; t++) late.videoDue(t, t + 390_000);
  for (let t = 0; t < 3000; t++) hold = late.audioHold;
  expect(hold).toBe(MAX_AUDIO_HOLD);
});

test('without a common clock nothing is held', () => {
  const sync = new AvSync();
  sync.audioMixed(Number.NaN, 5);
  expect(sync.videoDue(Number.NaN, 77)).toBe(77);
  expect(sync.audioHold).toBe(0);
});

/**
 * What a video stream does about packets that never come, wherever they are: no broken frame comes out,
 * a keyframe is asked for in time, and the stream goes on with it.
 */
import { describe, expect, test } from 'vitest';
import { UPLINK_VIDEO_CODECS, type VideoCodec } from '../../../src/protocol/codec-names.js';
import { type ReceivedFrame, VideoReceiver } from '../../../src/receive/video-receiver.js';
import { asRtp, SentVideo } from '../../support/sent-video.js';
import { fakeFrame } from '../../support/video-frames.js';

const TICK = 20_000;
const ROUND_TRIP = 40_000;
const START = 1_000_000;
/** Keeps numbers from looking like start codes. */
const NUMBER_BASE = 0x5a5a_0000;

interface Run {
  readonly codec: VideoCodec;
  readonly frameRate: number;
  /** Frames from keyframe to keyframe, if none is asked for. */
  readonly gop: number;
  /** Bytes of frames. */
  readonly length: number;
  readonly answersRequests: boolean;
  readonly answersNack: boolean;
  /** Whether the packet with this place in the stream is lost, at this attempt. */
  readonly isLost: (index: number, attempt: number) => boolean;
  readonly seconds: number;
}

interface Outcome {
  readonly given: { readonly number: number; readonly at: number; readonly frame: ReceivedFrame }[];
  readonly asked: number[];
  readonly packets: number;
  readonly lost: number;
}

/** Plays a sender against a receiver. Frames have their number in their last four bytes. */
function play(run: Run): Outcome {
  const given: Outcome['given'] = [];
  const asked: number[] = [];
  let now = START;
  let wantsKeyframe = false;
  const receiver = new VideoReceiver({
    onFrame: (frame) => {
      const number = frame.data.readUInt32BE(frame.data.length - 4) - NUMBER_BASE;
      given.push({ number, at: now, frame });
    },
    requestKeyframe: () => {
      asked.push(now);
      wantsKeyframe ||= run.answersRequests;
    },
    accepts: () => true,
    onTooLarge: () => {},
    onSize: () => {},
  });
  const sender = new SentVideo(run.codec, run.frameRate);
  const sent = new Map<number, { packet: ReturnType<typeof asRtp>; index: number }>();
  const repairs: { at: number; sequence: number; attempt: number }[] = [];
  const attempts = new Map<number, number>();
  const interval = 1_000_000 / run.frameRate;
  let [index, number, sinceKeyframe, extended] = [0, 0, 0, 65_500];
  for (let frameAt = START; frameAt < START + run.seconds * 1_000_000; now += TICK / 4) {
    if (now >= frameAt) {
      frameAt += interval;
      const keyframe = sinceKeyframe % run.gop === 0 || wantsKeyframe;
      if (keyframe) sinceKeyframe = 0;
      if (wantsKeyframe) wantsKeyframe = false;
      sinceKeyframe++;
      const data = fakeFrame(run.codec, keyframe, run.length);
      data.writeUInt32BE(NUMBER_BASE + number++, data.length - 4);
      for (const packet of sender.frame(data, keyframe)) {
        const rtp = asRtp(packet);
        sent.set(extended++, { packet: rtp, index });
        if (!run.isLost(index++, 0)) receiver.receive(rtp, run.codec, now);
      }
    }
    for (const { sequence, attempt } of repairs.filter(({ at }) => at <= now)) {
      const found = sent.get(sequence);
      if (found && !run.isLost(found.index, attempt)) {
        receiver.receive(found.packet, run.codec, now);
      }
    }
    repairs.splice(0, repairs.length, ...repairs.filter(({ at }) => at > now));
    if ((now - START) % TICK !== 0) continue;
    for (const sequence of receiver.nack.due(now, ROUND_TRIP)) {
      const attempt = (attempts.get(sequence) ?? 0) + 1;
      attempts.set(sequence, attempt);
      if (run.answersNack) repairs.push({ at: now + ROUND_TRIP, sequence, attempt });
    }
    receiver.tick(now, ROUND_TRIP);
  }
  return { given, asked, packets: index, lost: receiver.counters.video_frames_lost };
}

/** Every frame follows the one before, or is a keyframe. */
function expectWhole({ given }: Outcome): void {
  given.forEach(({ number, frame }, at) => {
    const before = given[at - 1];
    const follows = before !== undefined && number === before.number + 1;
    expect(frame.keyframe || follows, `frame ${number} after ${before?.number}`).toBe(true);
    expect(frame.damaged).toBe(false);
  });
}

/** The longest time without a frame, in microseconds. */
function longestGap({ given }: Outcome): number {
  return Math.max(...given.slice(1).map(({ at }, index) => at - (given[index]?.at ?? at)));
}

const BASE = { gop: 1e9, length: 3000, answersRequests: true, answersNack: false, seconds: 2 };
/** A gap stays open for 300 ms; a tick, the round trip's share and one frame come to it. */
const REPAIR_WAIT = 300_000 + 2 * TICK;

describe.each(UPLINK_VIDEO_CODECS)('%s: one packet is lost for good', (codec) => {
  test.each(codec === 'vp8' ? [5, 15, 30, 60] : [5, 30])(
    'at %d fps, wherever it is: a keyframe is asked for',
    (frameRate) => {
      const interval = 1_000_000 / frameRate;
      const run = { ...BASE, codec, frameRate };
      const perFrame = play({ ...run, isLost: () => false, seconds: 1 }).packets / frameRate;
      const keyframePackets = Math.ceil(perFrame) + 2;
      for (let lost = 0; lost < 2 * keyframePackets + 8; lost++) {
        const outcome = play({ ...run, isLost: (index) => index === lost });
        expectWhole(outcome);
        expect(longestGap(outcome), `packet ${lost}`).toBeLessThanOrEqual(
          REPAIR_WAIT + 3 * interval,
        );
        expect(outcome.given.length).toBeGreaterThan(frameRate);
      }
    },
  );

  test('with a keyframe each second and no answer: the next keyframe is used', () => {
    const run = { ...BASE, codec, frameRate: 30, gop: 30, answersRequests: false };
    for (let lost = 0; lost < 40; lost += 3) {
      const outcome = play({ ...run, isLost: (index) => index === lost });
      expectWhole(outcome);
      expect(longestGap(outcome), `packet ${lost}`).toBeLessThanOrEqual(1_000_000 + 70_000);
    }
  });

  test('a sender that repairs: nothing is lost, nothing is asked for', () => {
    for (let lost = 0; lost < 30; lost += 2) {
      const isLost = (index: number, attempt: number) => index === lost && attempt < 2;
      const outcome = play({ ...BASE, codec, frameRate: 30, answersNack: true, isLost });
      expectWhole(outcome);
      expect([outcome.lost, longestGap(outcome) < 250_000], `packet ${lost}`).toEqual([0, true]);
    }
  });
});

describe('loss that goes on', () => {
  /** The same numbers each time. */
  const lossOf = (share: number) => (index: number, attempt: number) =>
    ((index * 7919 + attempt * 104_729) % 1000) / 1000 < share;

  test.each([0.01, 0.05, 0.2])('share %d, repaired: hardly a frame is lost', (share) => {
    const run = { ...BASE, codec: 'vp8', frameRate: 30, answersNack: true, seconds: 20 } as const;
    const outcome = play({ ...run, isLost: lossOf(share) });
    expectWhole(outcome);
    expect(outcome.given.length).toBeGreaterThan(590);
    expect(longestGap(outcome)).toBeLessThan(400_000);
  });

  test('never repaired: after some losses a keyframe is asked for at once', () => {
    const run = { ...BASE, codec: 'vp8', frameRate: 30, seconds: 30 } as const;
    const isLost = (index: number) => index % 90 === 50;
    const { given } = play({ ...run, isLost });
    const late = given.filter(({ at }) => at > START + 20_000_000);
    const gaps = late.slice(1).map(({ at }, index) => at - (late[index]?.at ?? at));
    expect(Math.max(...gaps)).toBeLessThan(200_000);
  });
});

describe('a sender that ignores requests', () => {
  const run = { ...BASE, codec: 'vp8', frameRate: 30, gop: 250, answersRequests: false } as const;

  test('requests back off, and decoding goes on without a keyframe until one comes', () => {
    const { given, asked } = play({ ...run, seconds: 12, isLost: (index) => index === 100 });
    expect(asked.length).toBeLessThanOrEqual(7);
    const damaged = given.filter(({ frame }) => frame.damaged);
    expect(damaged.length).toBeGreaterThan(100);
    expect(given.slice(-60).some(({ frame }) => frame.damaged)).toBe(false);
    const gaps = given.slice(1).map(({ at }, index) => at - (given[index]?.at ?? at));
    expect(Math.max(...gaps)).toBeLessThan(1_600_000);
  });

  test('the next time it is known, and nothing is waited for', () => {
    const isLost = (index: number) => index === 100 || index === 500;
    const { given } = play({ ...run, gop: 1000, seconds: 12, isLost });
    const gaps = given.slice(1).map(({ at }, index) => at - (given[index]?.at ?? at));
    expect(gaps.filter((gap) => gap > 500_000)).toHaveLength(1);
  });

  test('without any keyframe nothing comes out, and requests are 4 s apart in the end', () => {
    const { given, asked } = play({ ...run, seconds: 30, isLost: (index) => index < 3, gop: 1e9 });
    expect(given).toEqual([]);
    expect(asked.length).toBeLessThan(13);
  });
});

test('a sender that begins to count from another number is followed', () => {
  const frames: number[] = [];
  const receiver = new VideoReceiver({
    onFrame: () => frames.push(now),
    requestKeyframe: () => {},
    accepts: () => true,
    onTooLarge: () => {},
    onSize: () => {},
  });
  let now = START;
  for (const first of [40_000, 20_000]) {
    const sender = new SentVideo('vp8', 30, first);
    for (let frame = 0; frame < 200; frame++, now += 33_333) {
      const data = fakeFrame('vp8', frame % 30 === 0, 3000);
      for (const packet of sender.frame(data, frame % 30 === 0)) {
        receiver.receive(asRtp(packet), 'vp8', now);
      }
      receiver.tick(now, ROUND_TRIP);
    }
  }
  expect(frames.length).toBeGreaterThan(270);
  expect(frames.at(-1)).toBe(now - 33_333);
});

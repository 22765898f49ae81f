/** Streams with B-frames, and streams with frames missing, on their way to the ticks. */
import { expect, test } from 'vitest';
import type { VideoInFrame } from '../../../../src/link/link-messages.js';
import { VideoSource, videoSourceCounters } from '../../../../src/mixer/video/video-source.js';
import { BT601 } from '../../../../src/rtp/colour-space.js';
import { type EncodedStream, encodeStream } from '../../../support/encoder.js';
import { REAL_TIME } from '../../../support/real-time-encoders.js';

const TICK = 1_000_000 / 30;
const START = 10_000_000;
const STEP = 3;
const COUNT = 40;

/** A grey that says which picture it is. */
const draw: EncodedStream['draw'] = (planes, _strides, n) => {
  planes.forEach((plane, index) => {
    plane.fill(index === 0 ? 40 + STEP * n : 128);
  });
};

interface Pushed extends Pick<VideoInFrame, 'data' | 'keyframe' | 'damaged'> {
  readonly number: number;
}

/** Pushes a frame for each tick. @returns the number of the picture that each tick shows. */
async function shownBy(codec: VideoInFrame['codec'], frames: readonly Pushed[]) {
  const counters = videoSourceCounters();
  let now = START;
  const source = new VideoSource(
    {
      keyframeNeeded: () => {},
      corrupt: () => {},
      took: () => {},
      failed: (error) => {
        throw error;
      },
      arrived: () => {},
    },
    // Captured when its number says: pictures wait for their own time, a fixed time after it.
    {
      counters,
      now: () => now,
      dueTime: (capture) => capture + 3.5 * TICK,
      inNative: (call) => call(false),
    },
  );
  const shown: number[] = [];
  for (const { number, ...frame } of frames) {
    now += TICK;
    source.push({
      ...{ kind: 'video-in', source: 1, codec, colourSpace: BT601, rotation: 0 },
      ...frame,
      arrivalMicros: now,
      captureMicros: START + number * TICK,
    });
    await source.idle();
    source.setShown({ width: 192, height: 144 }, TICK);
    const luma = source.pictureAt(now)?.planes[0]?.[0];
    if (luma !== undefined) shown.push(Math.round((luma - 40) / STEP));
  }
  await source.close();
  return { shown, counters };
}

test.each([1, 3])('H.264 with %d B-frames: each picture at its time, in order', async (bFrames) => {
  const frames = encodeStream({
    encoder: 'libx264',
    ...{ width: 192, height: 144, count: COUNT, gop: 20, bFrames, draw },
    options: [['x264-params', 'b-adapt=0']],
  });
  const { shown, counters } = await shownBy('h264', frames);
  expect(counters.video_frames_corrupt).toBe(0);
  const steps = shown.slice(1).map((number, index) => number - (shown[index] as number));
  // Never back; one further with each tick, but for the first, while the decoder fills.
  expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
  expect(steps.slice(6).filter((step) => step !== 1).length).toBeLessThanOrEqual(1);
  expect(shown.at(-1)).toBeGreaterThan(COUNT - 6);
});

test.each(['vp8', 'h264'] as const)(
  '%s: damaged frames are shown, others are not',
  async (codec) => {
    const size = { width: 192, height: 144, count: COUNT, gop: 1000 };
    const all = encodeStream({ ...REAL_TIME[codec], ...size, draw });
    const lossy = all.filter((_, index) => index < 10 || index > 12);
    const damaged = lossy.map((frame, index) => ({ ...frame, damaged: index >= 10 }));
    const { shown } = await shownBy(codec, damaged);
    // It goes on, as well as it can: it moves until the end.
    expect(new Set(shown).size).toBeGreaterThan(25);
    const late = all.map((frame) => ({ ...frame, keyframe: false }));
    expect((await shownBy(codec, late)).shown).toEqual([]);
  },
);

import { expect, test } from 'vitest';
import { CompositeTimeline } from '../../../src/egress/composite-timeline.js';

const data = Buffer.from([1]);
const T = 1_000_000_000;
const video = (at: number, keyframe = false) => ({ ptsMicros: T + at, keyframe, data });
const audio = (at: number) => ({ ptsMicros: T + at, data });

test('the file starts with the first keyframe, and audio starts with it', () => {
  const timeline = new CompositeTimeline(true);
  expect(timeline.video(video(0))).toEqual([]);
  expect(timeline.audio(audio(0))).toEqual([]);
  expect(timeline.audio(audio(20_000))).toEqual([]);
  expect(timeline.audio(audio(40_000))).toEqual([]);
  const packets = timeline.video(video(33_333, true));
  expect(packets.map(({ kind, ptsMicros }) => [kind, ptsMicros])).toEqual([
    ['audio', 0],
    ['video', 0],
  ]);
  expect(timeline.audio(audio(60_000))[0]?.ptsMicros).toBe(20_000);
  expect(timeline.snapshot().video_before_keyframe).toBe(1);
});

test('a pause is left out, and the rest starts with a keyframe', () => {
  const timeline = new CompositeTimeline(true);
  timeline.video(video(0, true));
  for (let at = 0; at < 1_000_000; at += 20_000) timeline.audio(audio(at));
  timeline.pause(T + 500_000);
  // A frame from before the pause may still come; a later one is left out.
  expect(timeline.video(video(480_000))).toHaveLength(1);
  expect(timeline.video(video(520_000))).toEqual([]);
  timeline.resume();
  expect(timeline.video(video(5_000_000))).toEqual([]);
  const [first] = timeline.video(video(5_100_000, true)).slice(-1);
  expect(first?.ptsMicros).toBe(1_000_000);
  expect(timeline.video(video(5_200_000))[0]?.ptsMicros).toBe(1_100_000);
});

test('a segment that continues another one keeps its clock', () => {
  const anchor = { clock: T, file: 2_000_000 };
  const timeline = new CompositeTimeline(true, { file: 4_000_000, anchor });
  const [first] = timeline.video(video(3_000_000, true));
  expect(first?.ptsMicros).toBe(5_000_000);
  const paused = new CompositeTimeline(true, { file: 4_000_000 });
  expect(paused.video(video(90_000_000, true))[0]?.ptsMicros).toBe(4_000_000);
});

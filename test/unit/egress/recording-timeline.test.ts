import { expect, test } from 'vitest';
import { AudioGrid, SILENT_PACKET } from '../../../src/egress/audio-grid.js';
import { CompositeTimeline } from '../../../src/egress/composite-timeline.js';
import { PacketOrder } from '../../../src/egress/packet-order.js';
import { SenderClockMap } from '../../../src/egress/sender-clock-map.js';
import type { AudioInFrame } from '../../../src/link/link-messages.js';
import { expired } from '../../../src/outputs/recording/retention.js';
import { chaptersOf, type TimelineEvent } from '../../../src/outputs/recording/timeline-log.js';
import type { RecordingInfo } from '../../../src/protocol/recording-info.js';

const data = Buffer.from([1]);
const T = 1_000_000_000;
const picture = (at: number, keyframe = false) => ({ ptsMicros: T + at, keyframe, data });
const sound = (at: number) => ({ ptsMicros: T + at, data });

test('nothing comes before the first keyframe, and sound begins with it', () => {
  const timeline = new CompositeTimeline(true);
  expect(timeline.video(picture(0))).toEqual([]);
  expect(timeline.sound(sound(0))).toEqual([]);
  expect(timeline.sound(sound(20_000))).toEqual([]);
  expect(timeline.sound(sound(40_000))).toEqual([]);
  const packets = timeline.video(picture(33_333, true));
  expect(packets.map(({ kind, ptsMicros }) => [kind, ptsMicros])).toEqual([
    ['audio', 0],
    ['video', 0],
  ]);
  expect(timeline.sound(sound(60_000))[0]?.ptsMicros).toBe(20_000);
  expect(timeline.counters.video_before_keyframe).toBe(1);
});

test('a pause is cut out, and what follows begins with a keyframe', () => {
  const timeline = new CompositeTimeline(true);
  timeline.video(picture(0, true));
  for (let at = 0; at < 1_000_000; at += 20_000) timeline.sound(sound(at));
  timeline.pause(T + 500_000);
  // What was made before the pause may still come; what was made after it does not count.
  expect(timeline.video(picture(480_000))).toHaveLength(1);
  expect(timeline.video(picture(520_000))).toEqual([]);
  timeline.resume();
  expect(timeline.video(picture(5_000_000))).toEqual([]);
  const [first] = timeline.video(picture(5_100_000, true)).slice(-1);
  expect(first?.ptsMicros).toBe(1_000_000);
  expect(timeline.video(picture(5_200_000))[0]?.ptsMicros).toBe(1_100_000);
});

test('gaps in the sound are filled, overlaps left out, and neither adds up', () => {
  const grid = new AudioGrid();
  const written = [];
  // A clock that is 100 ppm fast, for an hour, with a second missing now and then.
  for (let n = 0; n < 180_000; n++) {
    const at = n * 20_002;
    if (n % 5000 < 50) continue;
    written.push(...grid.push(at, data));
    expect(Math.abs(grid.end - at - 20_000)).toBeLessThan(20_001);
  }
  written.forEach(({ ptsMicros }, index) => {
    if (ptsMicros !== index * 20_000) throw new Error(`packet ${index} is at ${ptsMicros}`);
  });
  expect(written.filter((packet) => packet.data === SILENT_PACKET).length).toBeGreaterThan(1700);
});

test('a segment that goes on from another one keeps its clock', () => {
  const anchor = { clock: T, file: 2_000_000 };
  const timeline = new CompositeTimeline(true, { file: 4_000_000, anchor });
  const [first] = timeline.video(picture(3_000_000, true));
  expect(first?.ptsMicros).toBe(5_000_000);
  const paused = new CompositeTimeline(true, { file: 4_000_000 });
  expect(paused.video(picture(90_000_000, true))[0]?.ptsMicros).toBe(4_000_000);
});

const packet = (sequence: number, arrivalMicros: number): AudioInFrame => ({
  kind: 'audio-in',
  source: 1,
  sequence: sequence & 0xffff,
  timestamp: sequence * 960,
  isRepeat: false,
  isSilent: false,
  arrivalMicros,
  captureMicros: Number.NaN,
  data,
});

test('packets are put in order, each once, and missing ones waited for only so long', () => {
  const order = new PacketOrder();
  const push = (n: number, at: number) =>
    order.push(packet(65_534 + n, at)).map(({ sequence }) => (sequence - 65_534) & 0xffff);
  expect(push(0, 0)).toEqual([0]);
  expect(push(2, 40_000)).toEqual([]);
  expect(push(1, 45_000)).toEqual([1, 2]);
  expect(push(1, 50_000)).toEqual([]);
  expect(push(4, 80_000)).toEqual([]);
  expect(push(5, 300_000)).toEqual([]);
  expect(push(6, 500_000)).toEqual([4, 5, 6]);
});

test('jitter of the network is not in the recording', () => {
  const clock = new SenderClockMap();
  const delays = [90_000, 50_000, 130_000, 70_000];
  const mapped = delays.map((delay, n) => clock.toServer(7e9 + n * 20_000, T + n * 20_000 + delay));
  expect(mapped.slice(1)).toEqual([1, 2, 3].map((n) => T + n * 20_000 + 50_000));
  expect(clock.toServer(Number.NaN, T)).toBe(T);
});

const recording = (id: string, endedAt: number, bytes: number, status = 'finished') =>
  ({ id, startedAt: endedAt, endedAt, bytes, status }) as RecordingInfo;

test('the old go, and the oldest of too much', () => {
  const all = [recording('a', 1000, 10), recording('b', 2000, 10), recording('c', 3000, 10)];
  expect(expired(all, { maxAgeMs: 0, maxBytes: 0 }, 1e6)).toEqual([]);
  expect(expired(all, { maxAgeMs: 1500, maxBytes: 0 }, 4000)).toEqual(['b', 'a']);
  expect(expired(all, { maxAgeMs: 0, maxBytes: 20 }, 4000)).toEqual(['a']);
  const running = recording('d', 4000, 100, 'recording');
  expect(expired([...all, running], { maxAgeMs: 1, maxBytes: 5 }, 9000)).not.toContain('d');
});

test('chapters: screens, pauses and who comes, not closer than ten seconds', () => {
  const person = { participant: 'p', identity: 'p', name: 'Ana', mic: true, camera: true };
  const events = [
    { at: 0, type: 'joined', ...person, screen: false },
    { at: 12_000, type: 'changed', ...person, screen: true },
    { at: 13_000, type: 'resumed' },
    { at: 40_000, type: 'changed', ...person, screen: true },
    { at: 50_000, type: 'changed', ...person, screen: false },
    { at: 70_000, type: 'resumed' },
  ] as unknown as TimelineEvent[];
  expect(
    chaptersOf(events, 'Room').map(({ title, startMicros }) => [startMicros / 1e6, title]),
  ).toEqual([
    [0, 'Room'],
    [12, 'Ana shares a screen'],
    [50, 'Ana ends sharing'],
    [70, 'Resumed'],
  ]);
});

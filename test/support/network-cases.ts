/**
 * Calls over bad networks, and what is asked of them: run in full by `npm run bench:network`, and in
 * a short form, with the same demands, by the tests.
 */
import { expect } from 'vitest';
import { percentile } from '../../src/cli/numbers.js';
import { Bot } from './bot.js';
import { tile } from './expect-media.js';
import {
  describe,
  expectFrozen,
  jitter,
  loseOverWrap,
  MEASURING_MS,
  ms,
  type NetworkCase,
  percent,
  rememberCleanLatency,
  seenOfOthers,
  steady,
  timeFor,
  untilBack,
} from './network-case.js';
import { sleep, waitFor } from './server.js';

export const NETWORK_CASES: readonly NetworkCase[] = [
  steady(
    'clean, 2 min',
    'no freeze; concealment < 0.1 %; A/V skew <= 45 ms',
    {},
    (quality) => {
      rememberCleanLatency(quality);
      // In a short run one packet late by the machine's doing weighs as much.
      const short = quality.seconds < 60;
      expect(quality.freezes, 'freezes').toBeLessThanOrEqual(short ? 1 : 0);
      expect(quality.concealedDown, 'concealed').toBeLessThan(short ? 0.01 : 0.001);
      expect(Math.abs(quality.skewMs), 'skew').toBeLessThanOrEqual(short ? 90 : 45);
    },
    (quality) =>
      `${describe(quality)}; skew ${ms(quality.skewMs)}, sound ${ms(quality.latencyUpMs)} up, ${ms(quality.latencyDownMs)} down`,
    120,
  ),
  steady(
    '5 % random both ways, 50 ms each way',
    'frozen <= 600 ms a minute; concealment <= 1 %',
    { loss: 0.05, delayMs: 50 },
    (quality) => {
      expectFrozen(quality, 600);
      expect(quality.concealedDown, 'concealed down').toBeLessThanOrEqual(0.01);
      expect(quality.concealedUp, 'concealed up').toBeLessThanOrEqual(0.01);
    },
  ),
  steady(
    '10 % both ways, 50 +- 15 ms',
    'frozen <= 3 s a minute; concealment <= 3 %',
    { loss: 0.1, delayMs: 50, jitterMs: 15 },
    (quality) => {
      expectFrozen(quality, 3000);
      expect(quality.concealedDown, 'concealed down').toBeLessThanOrEqual(0.03);
      expect(quality.concealedUp, 'concealed up').toBeLessThanOrEqual(0.03);
    },
  ),
  steady(
    '20 % both ways',
    'concealment <= 8 %; >= 10 fps; no disconnect',
    { loss: 0.2 },
    async (quality, call) => {
      expect(quality.concealedDown, 'concealed down').toBeLessThanOrEqual(0.08);
      expect(quality.concealedUp, 'concealed up').toBeLessThanOrEqual(0.08);
      expect(quality.framesPerSecond, 'frames/s').toBeGreaterThanOrEqual(10);
      expect(await call.connectionStates(), 'states').toEqual([]);
    },
  ),
  steady(
    'bursts, mean 5 %, length 5',
    'concealment <= 3 %; <= 4 freezes a minute',
    { bursts: { loss: 0.05, length: 5 } },
    (quality) => {
      expect(quality.concealedDown, 'concealed down').toBeLessThanOrEqual(0.03);
      expect(quality.concealedUp, 'concealed up').toBeLessThanOrEqual(0.03);
      expect(quality.freezes, 'freezes').toBeLessThanOrEqual(
        Math.max(1, (4 * quality.seconds) / 60),
      );
    },
  ),
  {
    ...jitter('jitter 30 ms sigma with 2 % reorder', (down, up, full) => {
      expect(down, 'latency down').toBeLessThanOrEqual(full ? 80 : 160);
      expect(up, 'latency up').toBeLessThanOrEqual(full ? 80 : 160);
    }),
    goal: 'audio latency at most +80 ms over the clean case and the mean network delay; concealment <= 1 %',
    soundOnly: true,
  },
  {
    ...jitter('the same with the picture', () => {}),
    goal: 'concealment <= 1 %; the browser holds the sound back with the picture, for lip-sync',
  },
  {
    name: 'join through 5 % loss and reordering both ways, 25 ms each way',
    goal: 'connected <= 2 s p95',
    profile: { loss: 0.05, reorder: 0.05, delayMs: 25 },
    run: async (call, full) => {
      const times = await call.joinTimes(full ? 100 : 5);
      const [median, p95] = [percentile(times, 0.5), percentile(times, 0.95)];
      expect(p95, 'joined').toBeLessThanOrEqual(timeFor(2000, full));
      const found = `${times.length} joins: ${ms(median)} median, ${ms(p95)} p95`;
      return { quality: undefined, found };
    },
  },
  {
    name: 'one whole keyframe lost, RTT 100 ms, each way',
    goal: 'picture back <= 600 ms p95',
    profile: { delayMs: 50 },
    textured: true,
    run: async (call, full) => {
      const down = await call.loseKeyframes('down', full ? 50 : 5);
      const up = await call.loseKeyframes('up', full ? 50 : 5);
      const p95 = (gaps: readonly number[]) => percentile(gaps, 0.95);
      const found = `${down.length} lost down: ${ms(p95(down))} p95; ${up.length} up: ${ms(p95(up))}`;
      expect(down.length, 'keyframes lost down').toBeGreaterThan(2);
      expect(up.length, 'keyframes lost up').toBeGreaterThan(2);
      expect(p95(down), 'down').toBeLessThanOrEqual(timeFor(600, full));
      expect(p95(up), 'up').toBeLessThanOrEqual(timeFor(600, full));
      return { quality: undefined, found };
    },
  },
  {
    name: '2000 -> 300 -> 2000 kbit/s, queue of 200 ms',
    goal: 'audio gap <= 200 ms; adapts <= 5 s, recovers <= 15 s',
    profile: { rateKbps: 2000, queueMs: 200 },
    run: async (call, full) => {
      // A picture that takes the whole of the best rendition's bitrate.
      const { server, room } = call;
      const noise = await Bot.join(server, { room, name: 'Noise', noise: true, audio: false });
      await sleep(5000);
      await call.renditionIs((rendition) => rendition === 0, 20_000);
      const before = await call.longestSilenceMs();
      call.network.set({ rateKbps: 300, queueMs: 200 });
      // Adapted: the packets fit the link, so the queue drops none.
      const adapted = await call.untilNothingIsDropped(20_000);
      await sleep(full ? 15_000 : 4000);
      const silence = await call.longestSilenceMs();
      call.network.set({ rateKbps: 2000, queueMs: 200 });
      const recovered = await call.renditionIs((rendition) => rendition === 0, 30_000);
      noise.kill();
      const found = `adapted after ${ms(adapted)}, back after ${ms(recovered)}; longest audio gap ${ms(silence)} (before ${ms(before)})`;
      expect(silence, 'audio gap').toBeLessThanOrEqual(full ? 200 : 400);
      expect(adapted, 'adapts').toBeLessThanOrEqual(timeFor(5000, full));
      expect(recovered, 'recovers').toBeLessThanOrEqual(timeFor(15_000, full));
      return { quality: undefined, found };
    },
  },
  ...(
    [
      [1000, 1000],
      [3000, 1000],
      [10_000, 3000],
    ] as const
  ).map(
    ([length, limit]): NetworkCase => ({
      name: `blackout of ${length / 1000} s`,
      goal: `back <= ${limit / 1000} s, without a page reload`,
      profile: {},
      run: async (call, full) => {
        call.network.blackout(length);
        await sleep(length);
        const back = await untilBack(call, 30_000);
        expect(back, 'back').toBeLessThanOrEqual(timeFor(limit, full) + MEASURING_MS);
        return { quality: undefined, found: `back after ${ms(back)}` };
      },
    }),
  ),
  {
    name: 'address change',
    goal: 'back <= 3 s, without a page reload or an ICE restart',
    profile: {},
    run: async (call, full) => {
      const fragment = await call.page.remoteFragment();
      await call.network.changeAddress();
      const back = await untilBack(call, 30_000);
      // ICE's own consent checks on the old address must not end the call later.
      await sleep(full ? 40_000 : 1000);
      const later = await untilBack(call, timeFor(1000, full));
      expect(later, 'flows later').toBeLessThan(Number.POSITIVE_INFINITY);
      expect(back, 'back').toBeLessThanOrEqual(timeFor(3000, full) + MEASURING_MS);
      expect(await call.page.remoteFragment(), 'no ICE restart').toBe(fragment);
      return { quality: undefined, found: `back after ${ms(back)}` };
    },
  },
  {
    name: 'sequence 65535 lost; 240 packets lost over the wrap',
    goal: 'repairs go on; no permanent failure',
    profile: {},
    run: async (call) => {
      const one = await loseOverWrap(call, 'One lost', (sequence) => sequence === 65_535);
      const many = await loseOverWrap(
        call,
        'Many lost',
        (sequence) => sequence >= 65_416 || sequence < 120,
      );
      const found = `1 lost: ${one.framesLost} frames lost; 240 lost: ${many.framesAfter} frames in the 3 s after`;
      expect(one.lost, 'packets lost').toBe(1);
      expect(one.framesLost, 'frames lost').toBe(0);
      expect(many.lost, 'packets lost').toBeGreaterThanOrEqual(240);
      for (const { framesAfter } of [one, many]) {
        expect(framesAfter, 'frames after').toBeGreaterThan(60);
      }
      return { quality: undefined, found };
    },
  },
  {
    name: 'one lossy sender (20 %) among four',
    goal: 'the other three as in the clean case',
    profile: {},
    run: async (call, full) => {
      const { server, room } = call;
      const others = [
        await Bot.join(server, { room, name: 'Third', colour: 'green', frequency: 700 }),
        await Bot.join(server, { room, name: 'Fourth', frequency: 500, watchTile: tile(2, 4) }),
      ] as const;
      // Small renditions have no readable barcode: wait until the watched tile moves.
      await waitFor(
        "the third's tile",
        async () => {
          await sleep(1000);
          return (await others[1].report()).tileGaps.length > 15;
        },
        60_000,
      );
      const seconds = full ? 60 : 12;
      const clean = await seenOfOthers(call, others[1], seconds);
      call.network.set({ loss: 0.2 });
      const lossy = await seenOfOthers(call, others[1], seconds);
      const level = await others[1].toneLevel(700);
      for (const other of others) other.kill();
      const words = ({ freezes, framesPerSecond, share }: typeof clean) =>
        `${framesPerSecond.toFixed(1)} fps, ${freezes} freezes, concealed ${percent(share)}`;
      const found = `of the three: ${words(lossy)}; with a clean fourth: ${words(clean)}`;
      // What the machine itself makes late differs from one time to the next.
      expect(lossy.framesPerSecond, 'frames a second').toBeGreaterThan(0.8 * clean.framesPerSecond);
      expect(lossy.freezes, 'freezes').toBeLessThanOrEqual(clean.freezes + (full ? 0 : 1));
      expect(lossy.share, 'concealed').toBeLessThan(clean.share + (full ? 0.003 : 0.01));
      expect(level, 'heard').toBeGreaterThan(-25);
      return { quality: undefined, found };
    },
  },
  {
    name: 'stalls of 150 ms every 10 s',
    goal: 'audio delay at the end as at the start (+-20 ms)',
    profile: {},
    run: async (call, full) => {
      const period = full ? 10_000 : 4000;
      const rounds = full ? 60 : 6;
      // The first stalls set the buffers.
      const stalls = async (count: number) => {
        for (let i = 0; i < count; i++) {
          call.network.stall(150);
          await sleep(period);
        }
      };
      await stalls(2);
      const first = await call.measure((2 * period) / 1000, () => stalls(2));
      await stalls(rounds - 6);
      const last = await call.measure((2 * period) / 1000, () => stalls(2));
      const up = last.latencyUpMs - first.latencyUpMs;
      const down = last.latencyDownMs - first.latencyDownMs;
      const found = `sound ${ms(first.latencyUpMs)} -> ${ms(last.latencyUpMs)} up, ${ms(first.latencyDownMs)} -> ${ms(last.latencyDownMs)} down`;
      expect(up, 'delay up').toBeLessThanOrEqual(full ? 20 : 60);
      // What the browser's own buffer does is measured, not asked for.
      expect(down, 'delay down').toBeLessThanOrEqual(full ? 60 : 120);
      return { quality: last, found };
    },
  },
];

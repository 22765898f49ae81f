import { expect, test } from 'vitest';
import { TesseraError } from '../../../src/errors.js';
import { loadSteps, reducedFrameRate } from '../../../src/link/load-steps.js';
import { Admission, type MeasuredRoom } from '../../../src/rooms/admission.js';
import { quotaCores } from '../../../src/util/cpu-limit.js';
import { LoadController } from '../../../src/util/load-controller.js';
import { addHistograms, StageTimes } from '../../../src/util/stage-times.js';
import { Ticker } from '../../../src/util/ticker.js';

/** Feeds a load for some seconds, thirty times in each. @returns seconds at which the level changed. */
function feed(controller: LoadController, load: number, from: number, seconds: number): number[] {
  const changes: number[] = [];
  for (let i = 0; i < seconds * 30; i++) {
    const at = from + i / 30;
    if (controller.update(load, at * 1e6)) changes.push(at - from);
  }
  return changes;
}

test('over 85 % for two seconds is a step down, under 60 % for ten a step up', () => {
  const controller = new LoadController(5);
  expect(feed(controller, 0.84, 0, 10)).toEqual([]);
  const down = feed(controller, 1.2, 10, 5);
  expect(down).toHaveLength(2);
  expect(down[0]).toBeGreaterThanOrEqual(2);
  expect(down[0]).toBeLessThan(2.6);
  expect(controller.level).toBe(2);
  // Between the two nothing happens, however long.
  expect(feed(controller, 0.7, 15, 60)).toEqual([]);
  const up = feed(controller, 0.4, 75, 21.5);
  expect(up).toHaveLength(2);
  expect(up[0]).toBeGreaterThan(10);
  expect(up[0]).toBeLessThan(11);
  expect(controller.level).toBe(0);
});

test('a moment of load is none', () => {
  const controller = new LoadController(5);
  for (let second = 0; second < 30; second += 3) {
    expect(feed(controller, 3, second, 1)).toEqual([]);
    expect(feed(controller, 0.3, second + 1, 2)).toEqual([]);
  }
});

test('a step up that does not last is tried again after twice the time', () => {
  const controller = new LoadController(5);
  const waits: number[] = [];
  feed(controller, 1, 0, 3);
  let now = 3;
  for (let i = 0; i < 5; i++) {
    const before = now;
    while (controller.level > 0) {
      feed(controller, 0.5, now, 1);
      now++;
    }
    waits.push(now - before);
    while (controller.level === 0) {
      feed(controller, 1, now, 1);
      now++;
    }
  }
  expect(waits.map((wait) => Math.round(wait / 10))).toEqual([1, 2, 4, 8, 8]);
});

test('there are no more steps down than there are', () => {
  const controller = new LoadController(2);
  feed(controller, 2, 0, 60);
  expect(controller.level).toBe(2);
  expect(controller.counters.load_steps_down).toBe(2);
});

test('a room has the steps that make a difference to it', () => {
  const moving = { stills: false };
  const ladder = [moving, moving, { stills: true }];
  const all = loadSteps({ frameRate: 30, renditions: ladder });
  expect(all).toHaveLength(5);
  expect([0, 1, 2, 3].map((level) => reducedFrameRate(30, all.slice(0, level)))).toEqual([
    30, 30, 20, 15,
  ]);
  const small = loadSteps({ frameRate: 15, renditions: [moving, { stills: true }] });
  expect(small).toEqual(['late_tiles', 'listeners_5']);
  expect(reducedFrameRate(15, small)).toBe(15);
});

test('a ticker goes over to another rate without a gap or a burst', async () => {
  const ticks: number[] = [];
  const now = () => performance.now() * 1000;
  const ticker = new Ticker(
    10_000,
    1,
    now,
    (due) => {
      ticks.push(due);
      if (ticks.length === 10) ticker.setInterval(20_000);
    },
    () => {},
  );
  ticker.start();
  while (ticks.length < 20) await new Promise((resolve) => setTimeout(resolve, 10));
  await ticker.stop();
  const steps = ticks.slice(1).map((due, i) => Math.round((due - (ticks[i] as number)) / 10_000));
  // A slow machine may leave some out.
  expect(steps.slice(0, 9).every((step) => step >= 1)).toBe(true);
  expect(steps.slice(9).every((step) => step >= 2 && step % 2 === 0)).toBe(true);
});

test('times of stages fall into buckets that can be added', () => {
  const times = new StageTimes();
  for (const micros of [100, 500, 501, 900_000, 9_000_000]) times.observe('decode', micros);
  const { decode } = addHistograms(times.histograms, times.histograms);
  expect(decode?.sumMicros).toBe(2 * 9_901_101);
  expect(decode?.counts).toEqual([4, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2]);
});

/** A room that has used so many seconds of CPU, a third of it for encodes. */
const room = (cpuSeconds: number, over: Partial<MeasuredRoom> = {}): MeasuredRoom => ({
  cpuMicros: cpuSeconds * 1e6,
  stages: {
    encode: { counts: [], sumMicros: cpuSeconds * 1e6 },
    decode: { counts: [], sumMicros: 2 * cpuSeconds * 1e6 },
  },
  size: 10,
  numVisible: 10,
  loadLevel: 0,
  numLoadSteps: 5,
  overloaded: false,
  ...over,
});

test('joins are refused by what they cost, with those that are not measured yet', () => {
  const admission = new Admission({ loadControl: true, admissionShare: 0.85 });
  const busy = { ...room(0) };
  const limit = (admission.stats.cores_limit_milli as number) / 1000;
  // Half of the machine, for a while.
  for (let second = 0; second < 30; second++) {
    Object.assign(busy, room(second * limit * 0.5));
    admission.sample([busy], second * 1e6);
  }
  const { cores_used_milli: used, cores_per_sender_milli: sender } = admission.stats as {
    cores_used_milli: number;
    cores_per_sender_milli: number;
  };
  expect(used / 1000 / limit).toBeGreaterThan(0.45);
  // Two thirds of the room's CPU, by ten.
  expect(sender / 1000).toBeGreaterThan((limit * 0.5 * 0.66) / 10);
  let admitted = 0;
  let code = '';
  while (code === '' && admitted < 1000) {
    try {
      admission.admit(busy, 'sender', 30e6);
      admitted++;
    } catch (error) {
      ({ code } = error as { code: string });
      expect((error as { retryAfterSeconds: number }).retryAfterSeconds).toBeGreaterThan(0);
    }
  }
  expect(code).toBe('server_busy');
  const expected = (0.85 * limit * 1000 - used) / sender;
  expect(admitted).toBeGreaterThan(expected * 0.8);
  expect(admitted).toBeLessThan(expected * 1.2 + 1);
  // A viewer costs less; and who came is measured in the end.
  admission.admit(busy, 'viewer', 30e6);
  admission.admit(busy, 'sender', 36e6);
});

test('what recordings and live outputs take is reckoned with', () => {
  const admission = new Admission({ loadControl: true, admissionShare: 0.85 });
  const limit = (admission.stats.cores_limit_milli as number) / 1000;
  for (let second = 0; second < 30; second++) {
    admission.sample([], second * 1e6, second * limit * 0.9 * 1e6);
  }
  expect((admission.stats.cores_used_milli as number) / 1000 / limit).toBeGreaterThan(0.85);
  expect(admission.isFull).toBe(true);
  expect(() => admission.admit(undefined, 'sender', 30e6)).toThrow(/no CPU left/);
});

test('a room that has given way as far as is worth joining takes nobody', () => {
  const admission = new Admission({ loadControl: true, admissionShare: 0.85 });
  expect(() => admission.admit(room(0, { loadLevel: 3 }), 'sender', 0)).toThrow(/in time/);
  expect(() => admission.admit(room(0, { overloaded: true }), 'viewer', 0)).toThrow(/in time/);
  admission.admit(room(0, { loadLevel: 2 }), 'sender', 0);
  const open = new Admission({ loadControl: true, admissionShare: 1 });
  open.admit(room(0, { loadLevel: 5, overloaded: true }), 'sender', 0);
});

test('a resource that is short refuses joins and rooms, whatever the CPU', () => {
  let refusal: TesseraError | undefined;
  const admission = new Admission({ loadControl: true, admissionShare: 1 }, () => refusal);
  admission.admit(room(0), 'sender', 0);
  expect(admission.isFull).toBe(false);
  refusal = new TesseraError('resources_low', 'no memory');
  expect(() => admission.admit(room(0), 'viewer', 0)).toThrow(refusal);
  expect(() => admission.checkResources()).toThrow(refusal);
  expect(admission.isFull).toBe(true);
  expect(admission.stats).toMatchObject({ joins_refused_resources: 2, joins_refused_cpu: 0 });
});

test('the least bandwidth of all control groups around the process holds, of either version', () => {
  const coresOf = (files: Readonly<Record<string, string>>) => quotaCores((path) => files[path]);
  const own = '/proc/self/cgroup';
  const root = '/sys/fs/cgroup';
  expect(coresOf({})).toBe(Number.POSITIVE_INFINITY);
  expect(coresOf({ [own]: '0::/', [`${root}/cpu.max`]: 'max 100000' })).toBe(
    Number.POSITIVE_INFINITY,
  );
  const service = { [own]: '0::/system.slice/tessera.service' };
  const max = `${root}/system.slice/tessera.service/cpu.max`;
  expect(coresOf({ ...service, [max]: '150000 100000' })).toBe(1.5);
  const slice = { [`${root}/system.slice/cpu.max`]: '50000 100000' };
  expect(coresOf({ ...service, ...slice, [max]: '150000 100000' })).toBe(0.5);
  const files = (folder: string) => ({
    [`${root}/cpu${folder}/cpu.cfs_quota_us`]: '20000',
    [`${root}/cpu${folder}/cpu.cfs_period_us`]: '10000',
  });
  // Version 1 in a container: its path is that of the host, its limit is at the root.
  const first = { [own]: '5:memory:/\n4:cpu,cpuacct:/docker/f00' };
  expect(coresOf({ ...first, ...files('') })).toBe(2);
  expect(coresOf({ ...first, ...files('/docker/f00') })).toBe(2);
  const none = {
    [`${root}/cpu/cpu.cfs_quota_us`]: '-1',
    [`${root}/cpu/cpu.cfs_period_us`]: '1000',
  };
  expect(coresOf({ ...first, ...none })).toBe(Number.POSITIVE_INFINITY);
});

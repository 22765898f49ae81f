import { expect, test } from 'vitest';
import {
  CHECK_INTERVAL_MS,
  HangDetector,
  type ThreadActivity,
} from '../../../src/link/hang-detector.js';

/** Checks until a reason is given. @returns it, and the milliseconds since the last heartbeat. */
function silence(activityAt: (check: number) => ThreadActivity | undefined) {
  const detector = new HangDetector();
  detector.heartbeat();
  for (let check = 1; check <= 100; check++) {
    const reason = detector.check(() => activityAt(check));
    if (reason !== undefined) return { reason, ms: check * CHECK_INTERVAL_MS };
  }
  return undefined;
}

test('a stopped process, an endless loop and a blocked thread are found within 1.5 s', () => {
  const stopped = silence(() => ({ state: 'T', cpuMicros: 5e6, waitedMicros: 0 }));
  expect(stopped).toMatchObject({ reason: 'stopped' });
  const busy = (check: number) => check * CHECK_INTERVAL_MS * 1000;
  const loops = silence((check) => ({ state: 'R', cpuMicros: busy(check), waitedMicros: 0 }));
  expect(loops).toMatchObject({ reason: 'runs in circles' });
  const blocked = silence(() => ({ state: 'S', cpuMicros: 5e6, waitedMicros: 1e6 }));
  expect(blocked).toMatchObject({ reason: 'blocked' });
  for (const found of [stopped, loops, blocked]) expect(found?.ms).toBeLessThanOrEqual(1500);
});

test('a process that waits for the CPU, or that nothing is known of, gets six seconds', () => {
  const patient = { reason: 'no sign of life', ms: 6000 };
  const starved = (state: string) =>
    silence((check) => ({ state, cpuMicros: check * 1000, waitedMicros: check * 100_000 }));
  expect(starved('R')).toEqual(patient);
  // Its main thread waits for another one that has no CPU.
  expect(starved('S')).toEqual(patient);
  expect(silence(() => ({ state: 'D', cpuMicros: 5e6, waitedMicros: 0 }))).toEqual(patient);
  expect(silence(() => undefined)).toEqual(patient);
});

test('heartbeats keep a busy process, and nothing is read while they come', () => {
  const detector = new HangDetector();
  for (let i = 0; i < 100; i++) {
    detector.heartbeat();
    const found = detector.check(() => {
      throw new Error('read without need');
    });
    expect(found).toBeUndefined();
  }
});

import { expect, test } from 'vitest';
import { FreezeDetector } from '../../../../src/mixer/video/freeze-detector.js';

const INTERVAL = 33_333;

/** Whether each of these intervals, in microseconds, ended a freeze. */
function freezesIn(intervals: readonly number[], detector = new FreezeDetector()): boolean[] {
  let now = 1_000_000;
  detector.add(now);
  return intervals.map((interval) => {
    now += interval;
    return detector.add(now);
  });
}

test('a freeze is three times the usual interval and at least 150 ms more than it', () => {
  const usual = new Array<number>(30).fill(INTERVAL);
  expect(freezesIn([...usual, 4 * INTERVAL]).at(-1)).toBe(false);
  expect(freezesIn([...usual, INTERVAL + 149_000]).at(-1)).toBe(false);
  expect(freezesIn([...usual, INTERVAL + 152_000]).at(-1)).toBe(true);
  // At 2 fps, 150 ms more is no freeze.
  const slow = new Array<number>(30).fill(500_000);
  expect(freezesIn([...slow, 1_400_000]).at(-1)).toBe(false);
  expect(freezesIn([...slow, 1_600_000]).at(-1)).toBe(true);
});

test('the pause of a camera that went off is no freeze, nor is the first interval after it', () => {
  const detector = new FreezeDetector();
  freezesIn(new Array<number>(30).fill(INTERVAL), detector);
  detector.reset();
  expect(detector.lastAt).toBe(0);
  expect(detector.add(60_000_000)).toBe(false);
  expect(detector.add(61_000_000)).toBe(false);
  expect(detector.usualInterval).toBe(1_000_000);
});

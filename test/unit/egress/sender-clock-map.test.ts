import { expect, test } from 'vitest';
import { SenderClockMap } from '../../../src/egress/sender-clock-map.js';

const T = 1_000_000_000;

test('network jitter does not get into the recording', () => {
  const clock = new SenderClockMap();
  const delays = [90_000, 50_000, 130_000, 70_000];
  const mapped = delays.map((delay, n) => clock.toServer(7e9 + n * 20_000, T + n * 20_000 + delay));
  expect(mapped.slice(1)).toEqual([1, 2, 3].map((n) => T + n * 20_000 + 50_000));
  expect(clock.toServer(Number.NaN, T)).toBe(T);
});

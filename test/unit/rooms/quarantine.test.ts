import { expect, test } from 'vitest';
import { Quarantine } from '../../../src/rooms/quarantine.js';

const SECOND = 1_000_000;
const [GUILTY, INNOCENT] = [1, 2];

test('suspects go on probation; the guilty one is held for 30 s, the innocent one is free', () => {
  const quarantine = new Quarantine();
  quarantine.suspect([GUILTY, INNOCENT], 0);
  expect([...quarantine.onProbation]).toEqual([GUILTY, INNOCENT]);
  quarantine.acquit(INNOCENT);
  quarantine.convict(GUILTY, 0);
  expect(quarantine.standingOf(INNOCENT)).toBeUndefined();
  expect(quarantine.standingOf(GUILTY)).toBe('held');
  expect(quarantine.tick(29 * SECOND)).toBe(false);
  expect(quarantine.tick(30 * SECOND)).toBe(true);
  expect(quarantine.standingOf(GUILTY)).toBe('probation');
});

test('each crash doubles the time, up to an hour; ten quiet minutes forgive', () => {
  const quarantine = new Quarantine();
  let now = 0;
  const heldSeconds = () => {
    quarantine.suspect([GUILTY], now);
    quarantine.convict(GUILTY, now);
    const from = now;
    while (!quarantine.tick(now)) now += SECOND;
    return (now - from) / SECOND;
  };
  expect([1, 2, 3, 4, 5, 6, 7, 8].map(heldSeconds)).toEqual([
    30, 60, 120, 240, 480, 960, 1920, 3600,
  ]);
  quarantine.acquit(GUILTY);
  now += 601 * SECOND;
  expect(heldSeconds()).toBe(30);
});

test('a host lifts it: probation begins at once, and only if the source was held', () => {
  const quarantine = new Quarantine();
  expect(quarantine.lift(GUILTY)).toBe(false);
  quarantine.suspect([GUILTY], 0);
  expect(quarantine.lift(GUILTY)).toBe(false);
  quarantine.convict(GUILTY, 0);
  expect(quarantine.lift(GUILTY)).toBe(true);
  expect(quarantine.standingOf(GUILTY)).toBe('probation');
});

test('sources that are gone are forgotten', () => {
  const quarantine = new Quarantine();
  quarantine.suspect([GUILTY, INNOCENT], 0);
  quarantine.keepOnly(new Set([INNOCENT]));
  expect([...quarantine.apart]).toEqual([INNOCENT]);
});

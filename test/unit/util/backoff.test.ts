import { expect, test } from 'vitest';
import { Backoff, backoffMs } from '../../../src/util/backoff.js';

const pauses = (count: number, options: Parameters<typeof backoffMs>[1]) =>
  Array.from({ length: count }, (_, i) => backoffMs(i + 1, options));

test('pauses double up to the limit', () => {
  expect(pauses(6, { firstMs: 1000, maxMs: 10_000 })).toEqual([
    1000, 2000, 4000, 8000, 10_000, 10_000,
  ]);
});

test('the factor can be chosen', () => {
  expect(pauses(4, { firstMs: 1000, maxMs: 30_000, factor: 5 })).toEqual([
    1000, 5000, 25_000, 30_000,
  ]);
});

test('an immediate back-off retries at once after the first failure', () => {
  expect(pauses(4, { firstMs: 100, maxMs: 5000, immediate: true })).toEqual([0, 100, 200, 400]);
});

test('jitter makes a pause shorter or longer by its share', () => {
  const options = { firstMs: 1000, maxMs: 1000, jitter: 0.25 };
  expect(backoffMs(1, options, () => 0)).toBe(750);
  expect(backoffMs(1, options, () => 0.5)).toBe(1000);
  expect(backoffMs(1, options, () => 1)).toBe(1250);
});

test('many failures do not overflow', () => {
  expect(backoffMs(5000, { firstMs: 1, maxMs: 60_000 })).toBe(60_000);
});

test('a success starts over', () => {
  const backoff = new Backoff({ firstMs: 100, maxMs: 1000 });
  expect([backoff.failed(0), backoff.failed(0)]).toEqual([100, 200]);
  expect(backoff.failures).toBe(2);
  backoff.succeeded();
  expect(backoff.failures).toBe(0);
  expect(backoff.failed(0)).toBe(100);
});

test('a calm time after the last retry starts over', () => {
  const backoff = new Backoff({ firstMs: 100, maxMs: 1000, calmMs: 5000 });
  expect(backoff.failed(0)).toBe(100);
  // The retry was due at 100: 5000 later it is not yet calm enough.
  expect(backoff.failed(5100)).toBe(200);
  expect(backoff.failed(10_301)).toBe(100);
});

test('without a calm time no pause is long enough to start over', () => {
  const backoff = new Backoff({ firstMs: 100, maxMs: 1000 });
  backoff.failed(0);
  expect(backoff.failed(1e12)).toBe(200);
});

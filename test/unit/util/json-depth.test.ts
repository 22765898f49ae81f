import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDeeperThan } from '../../../src/util/json-depth.js';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test('the depth of a text is that of its value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      const depth = depthOf(JSON.parse(text));
      expect(isDeeperThan(text, depth)).toBe(false);
      if (depth > 0) expect(isDeeperThan(text, depth - 1)).toBe(true);
    }),
  );
});

test.each([
  ['[[[]]]', 2, true],
  ['[[[]]]', 3, false],
  ['["[[[["]', 1, false],
  ['["\\"[[["]', 1, false],
  ['{"a":{"b":[1]}}', 2, true],
  ['[[[', 2, true],
  ['[][][]', 1, false],
])('%s is deeper than %d: %s', (text, most, expected) => {
  expect(isDeeperThan(text, most)).toBe(expected);
});

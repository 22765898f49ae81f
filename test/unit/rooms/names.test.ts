import { expect, test } from 'vitest';
import { cleanName, cleanRoomId } from '../../../src/rooms/names.js';

test('names are normalised and bounded', () => {
  expect(cleanName('  Zoe\u0308 \u202e\u0000 K ')).toBe('Zoë K');
  expect(cleanName('👩‍👩‍👧')).toBe('👩‍👩‍👧');
  expect(() => cleanName('\u200b')).toThrow();
  expect(() => cleanName('x'.repeat(65))).toThrow();
  expect(cleanRoomId('Büro_7-a')).toBe('Büro_7-a');
  for (const bad of ['', '../x', 'a b', 'x'.repeat(65)]) expect(() => cleanRoomId(bad)).toThrow();
});

/** With which keys a server may listen beyond loopback. */
import { expect, test } from 'vitest';
import { checkExposure, makeKey } from '../../../src/config/api-keys.js';

const strong = makeKey('mine');

test.each([
  ['no key', [], /there is no API key/],
  ['a short secret', [strong, { id: 'other', secret: 'short' }], /other has fewer than 32 bytes/],
  ['a sample name', [{ ...strong, id: 'devkey' }], /devkey is a sample/],
  ['a sample secret', [{ id: 'mine', secret: 'secret'.repeat(8) }], /mine is a sample/],
  ['a secret of few letters', [{ id: 'mine', secret: 'ab'.repeat(20) }], /mine is a sample/],
])('other machines are not served with %s', (_name, keys, fault) => {
  expect(() => checkExposure('0.0.0.0', keys)).toThrow(fault);
  expect(() => checkExposure('127.0.0.1', keys)).not.toThrow();
});

test('a key that was made is strong', () => {
  expect(() => checkExposure('::', [makeKey(), strong])).not.toThrow();
});

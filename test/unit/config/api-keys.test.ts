/** Which keys a server must have, by how it is reached. */
import { expect, test } from 'vitest';
import { checkExposure, makeKey } from '../../../src/config/api-keys.js';

const strong = makeKey('mine');
const LOCAL = { host: '127.0.0.1', origins: [], trustedProxies: [] };

test.each([
  ['a short secret', [strong, { id: 'other', secret: 'short' }], /other has fewer than 32 bytes/],
  ['a sample name', [{ ...strong, id: 'devkey' }], /devkey is a sample/],
  ['a sample secret', [{ id: 'mine', secret: 'secret'.repeat(8) }], /mine is a sample/],
  ['a secret of few letters', [{ id: 'mine', secret: 'ab'.repeat(20) }], /mine is a sample/],
])('no address is served with %s', (_name, keys, fault) => {
  for (const host of ['0.0.0.0', '127.0.0.1', 'localhost', '::1']) {
    expect(() => checkExposure({ ...LOCAL, host }, keys)).toThrow(fault);
  }
});

test.each([
  ['another address', { host: '0.0.0.0' }, /no API key, and host is 0\.0\.0\.0/],
  ['pages of every origin', { origins: ['*'] }, /no API key, and web\.origins/],
  ['a proxy', { trustedProxies: ['127.0.0.1'] }, /no API key, and web\.trustProxy/],
])('a server without keys does not start for %s', (_name, reached, fault) => {
  expect(() => checkExposure({ ...LOCAL, ...reached }, [])).toThrow(fault);
  expect(() => checkExposure({ ...LOCAL, ...reached }, [makeKey(), strong])).not.toThrow();
});

test('a server without keys may serve its own machine', () => {
  expect(() => checkExposure({ ...LOCAL, origins: ['https://a.example'] }, [])).not.toThrow();
});

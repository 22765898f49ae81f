import { expect, test } from 'vitest';
import { checkHost, isPublicAddress } from '../../../../src/outputs/live/public-address.js';

test.each([
  ['8.8.8.8', true],
  ['2606:4700::1111', true],
  ['127.0.0.1', false],
  ['10.0.0.1', false],
  ['172.31.255.255', false],
  ['172.32.0.1', true],
  ['192.168.1.1', false],
  ['169.254.169.254', false],
  ['100.64.0.1', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['0.0.0.0', false],
  ['::', false],
  ['::1', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:8.8.8.8', false],
  ['64:ff9b::7f00:1', false],
  ['fe80::1', false],
  ['fc00::1', false],
  ['2002:7f00:1::', false],
  ['2001:db8::1', false],
  ['nonsense', false],
])('%s is public: %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected);
});

const check = (url: string, allowPrivate: boolean, ...addresses: string[]) =>
  checkHost(new URL(url), 1234, allowPrivate, async () => addresses);

test('the first address of a name is used, with the default port', async () => {
  expect(await check('rtmp://live.example/a/b', false, '8.8.8.8', '8.8.4.4')).toEqual({
    host: 'live.example',
    address: '8.8.8.8',
    port: 1234,
  });
});

test('one private address among those of a name is enough to refuse it', async () => {
  const url = 'rtmp://live.example/app/key';
  await expect(check(url, false, '8.8.8.8', '10.0.0.1')).rejects.toMatchObject({
    code: 'destination_forbidden',
  });
  expect(await check(url, true, '10.0.0.1')).toMatchObject({ address: '10.0.0.1' });
});

test('an address in the URL is not looked up', async () => {
  const found = await checkHost(new URL('srt://[2606:4700::1]:9000'), 1, false, async () => {
    throw new Error('looked up');
  });
  expect(found).toEqual({ host: '2606:4700::1', address: '2606:4700::1', port: 9000 });
});

test('a name without an address is unreachable', async () => {
  await expect(check('rtmp://live.example/a/b', true)).rejects.toMatchObject({
    code: 'unreachable',
  });
});

test('user and password in a URL are refused', async () => {
  await expect(check('rtmp://u:p@host/app/key', true, '8.8.8.8')).rejects.toMatchObject({
    code: 'bad_destination',
  });
});

import { expect, test } from 'vitest';
import { checkDestination, isPublicAddress } from '../../../../src/outputs/live/destination.js';

const resolveTo =
  (...addresses: string[]) =>
  async () =>
    addresses;

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

test('the address that was looked at is the one that is used', async () => {
  const found = await checkDestination(
    'rtmps://live.example/app/key?a=b',
    false,
    resolveTo('8.8.8.8', '8.8.4.4'),
  );
  expect(found).toMatchObject({
    kind: 'rtmps',
    host: 'live.example',
    address: '8.8.8.8',
    port: 443,
    path: 'app/key?a=b',
    shown: 'rtmps://live.example/app/***',
  });
});

test('one private address among those of a name is enough to refuse it', async () => {
  const check = checkDestination(
    'rtmp://live.example/app/key',
    false,
    resolveTo('8.8.8.8', '10.0.0.1'),
  );
  await expect(check).rejects.toMatchObject({ code: 'destination_forbidden' });
  const allowed = checkDestination('rtmp://live.example/app/key', true, resolveTo('10.0.0.1'));
  expect(await allowed).toMatchObject({ address: '10.0.0.1' });
});

test.each([
  'ftp://host/a/b',
  'rtmp://host/',
  'srt://host:9000?linger=5',
  'srt://host:9000?passphrase=with&mode=rendezvous',
  'rtmp://u:p@host/app/key',
  '',
])('%s is no destination', async (url) => {
  await expect(checkDestination(url, true, resolveTo('8.8.8.8'))).rejects.toMatchObject({
    code: 'bad_destination',
  });
});

test('options of SRT', async () => {
  const url =
    'srt://[2606:4700::1]:9000?streamid=publish:room&passphrase=a-long-secret&latency=200';
  const found = await checkDestination(url, false);
  expect(found).toMatchObject({
    address: '2606:4700::1',
    options: { streamid: 'publish:room', passphrase: 'a-long-secret', latency: '200' },
    shown: 'srt://[2606:4700::1]:9000',
  });
});

import { expect, test } from 'vitest';
import { defaultAddresses, inOrder } from '../../../src/peer/local-addresses.js';
import { reachedAt } from '../../../src/util/reached-at.js';

const udp = (address: string) => `1f 1 udp 2130706431 ${address} 5000 typ host`;
const tcp = (address: string) => `2f 1 tcp 1671430143 ${address} 5000 typ host tcptype passive`;
const order = {
  advertised: ['203.0.113.5'],
  reachedAt: undefined,
  defaults: ['192.168.1.2'],
  bridges: ['172.17.0.1', '172.18.0.1'],
};
const addressesOf = (lines: readonly string[]) => lines.map((line) => line.split(' ')[4]);
const priorities = (lines: readonly string[]) => lines.map((line) => Number(line.split(' ')[3]));
const ALL = ['172.17.0.1', '10.8.0.3', '192.168.1.2', '172.18.0.1', '203.0.113.5'];

test('advertised addresses come first, then the default route, bridges last', () => {
  const lines = inOrder(ALL.map(udp), order);
  expect(addressesOf(lines)).toEqual([
    '203.0.113.5',
    '192.168.1.2',
    '10.8.0.3',
    '172.17.0.1',
    '172.18.0.1',
  ]);
  expect(new Set(priorities(lines)).size).toBe(ALL.length);
  expect(priorities(lines)).toEqual(priorities(lines).toSorted((a, b) => b - a));
  for (const priority of priorities(lines)) expect(priority >> 24).toBe(126);
});

test('the address that the request came to is before all others, even a bridge', () => {
  const lines = inOrder(ALL.map(udp), { ...order, reachedAt: '172.17.0.1' });
  expect(addressesOf(lines)[0]).toBe('172.17.0.1');
});

test('TCP stays behind UDP, and keeps its direction preference', () => {
  const lines = inOrder([...ALL.map(tcp), ...ALL.map(udp)], order);
  expect(lines.map((line) => line.split(' ')[2])).toEqual([
    ...ALL.map(() => 'udp'),
    ...ALL.map(() => 'tcp'),
  ]);
  const [first] = lines.slice(5);
  expect(first).toContain('203.0.113.5');
  const direction = (line: string) => (Number(line.split(' ')[3]) >> 21) & 7;
  for (const line of lines.slice(5)) expect(direction(line)).toBe(direction(tcp('10.8.0.3')));
});

test('the default routes of this machine are addresses', async () => {
  for (const address of await defaultAddresses()) expect(address).toMatch(/^[\da-f.:]+$/);
});

test.each([
  [{ socket: { localAddress: '10.0.0.1' } }, '10.0.0.1'],
  [{ socket: { localAddress: '::ffff:10.0.0.1' } }, '10.0.0.1'],
  [{ socket: { localAddress: 'fe80::1%eth0' } }, 'fe80::1'],
  [{ ips: ['127.0.0.1'], socket: { localAddress: '10.0.0.1' } }, '10.0.0.1'],
  [{ ips: ['127.0.0.1', '1.2.3.4'], socket: { localAddress: '10.0.0.1' } }, undefined],
  [{ socket: {} }, undefined],
])('a request was reached at the address that it came to: %o', (request, address) => {
  expect(reachedAt(request)).toBe(address);
});

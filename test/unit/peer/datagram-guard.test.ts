import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { mayProbe } from '../../../src/peer/candidate-filter.js';
import { DatagramGuard } from '../../../src/peer/datagram-guard.js';

function check(username: string, password: string, type = 0x0001): Buffer {
  const padded = Math.ceil(username.length / 4) * 4;
  const message = Buffer.alloc(20 + 4 + padded + 24);
  message.writeUInt16BE(type, 0);
  message.writeUInt16BE(4 + padded + 24, 2);
  message.writeUInt32BE(0x2112_a442, 4);
  message.writeUInt16BE(0x0006, 20);
  message.writeUInt16BE(username.length, 22);
  message.write(username, 24);
  const at = 24 + padded;
  message.writeUInt16BE(0x0008, at);
  message.writeUInt16BE(20, at + 2);
  createHmac('sha1', password)
    .update(message.subarray(0, at))
    .digest()
    .copy(message, at + 4);
  return message;
}

const record = (type: number, epoch: number, first: number) =>
  Buffer.from([type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1, 0, 2, first, 40]);

function guard(): DatagramGuard {
  return new DatagramGuard({
    passwordOf: (fragment) => (fragment === 'ours' ? 'secret' : undefined),
    mayHaveMoved: () => false,
    remotePassword: () => 'theirs',
    isPending: (id) => id === '00'.repeat(12),
  });
}

test('nothing passes before an authentic check from the same address', () => {
  const g = guard();
  expect(g.judge(record(22, 0, 1), '1.2.3.4', 5, 0)).toBe('drop');
  expect(g.judge(Buffer.alloc(40, 0x80), '1.2.3.4', 5, 0)).toBe('drop');
  expect(g.judge(check('ours:theirs', 'wrong'), '1.2.3.4', 5, 0)).toBe('drop');
  expect(g.judge(check('nobody:theirs', 'secret'), '1.2.3.4', 5, 0)).toBe('drop');
  expect(g.judge(check('ours:theirs', 'secret'), '1.2.3.4', 5, 0)).toBe('stun');
  expect(g.judge(record(22, 0, 1), '1.2.3.4', 5, 0)).toBe('dtls');
  expect(g.judge(Buffer.alloc(40, 0x80), '1.2.3.4', 5, 0)).toBe('media');
  expect(g.judge(Buffer.alloc(40, 0x80), '1.2.3.4', 6, 0)).toBe('drop');
  expect(g.counters.guard_stun_unauthenticated).toBe(2);
  expect(g.counters.guard_unvalidated_address).toBe(3);
});

test('plaintext alerts never pass, ClientHellos not after the handshake', () => {
  const g = guard();
  g.judge(check('ours:theirs', 'secret'), '1.2.3.4', 5, 0);
  expect(g.judge(record(21, 0, 2), '1.2.3.4', 5, 0)).toBe('drop');
  expect(g.judge(record(99 - 60 + 20, 0, 2), '1.2.3.4', 5, 0)).toBe('drop');
  g.handshakeDone(1_000_000);
  expect(g.judge(record(22, 0, 1), '1.2.3.4', 5, 2_000_000)).toBe('drop');
  expect(g.judge(record(22, 0, 16), '1.2.3.4', 5, 2_000_000)).toBe('dtls');
  expect(g.judge(record(22, 0, 16), '1.2.3.4', 5, 20_000_000)).toBe('drop');
  expect(g.judge(record(21, 1, 0), '1.2.3.4', 5, 20_000_000)).toBe('dtls');
  expect(g.counters.guard_dtls_refused).toBe(4);
});

test('an authentic answer to a check of ours proves the address of a client that makes none', () => {
  const g = guard();
  const answer = (password: string) => check('', password, 0x0101);
  expect(g.judge(answer('guessed'), '1.2.3.4', 5, 0)).toBe('stun');
  expect(g.judge(record(22, 0, 1), '1.2.3.4', 5, 0)).toBe('drop');
  expect(g.judge(answer('theirs'), '1.2.3.4', 5, 0)).toBe('stun');
  expect(g.judge(record(22, 0, 1), '1.2.3.4', 5, 0)).toBe('dtls');
});

test('only awaited STUN responses pass, and no unknown first byte', () => {
  const g = guard();
  const response = Buffer.alloc(20);
  response.writeUInt16BE(0x0101, 0);
  response.writeUInt32BE(0x2112_a442, 4);
  expect(g.judge(response, '9.9.9.9', 1, 0)).toBe('stun');
  response[8] = 1;
  expect(g.judge(response, '9.9.9.9', 1, 0)).toBe('drop');
  expect(g.judge(Buffer.from([70, 1, 2]), '9.9.9.9', 1, 0)).toBe('drop');
  expect(g.judge(Buffer.alloc(0), '9.9.9.9', 1, 0)).toBe('drop');
});

test.each([
  ['8.8.8.8', 5000, true],
  ['10.1.2.3', 5000, false],
  ['127.0.0.1', 5000, false],
  ['169.254.169.254', 5000, false],
  ['224.0.0.1', 5000, false],
  ['::ffff:127.0.0.1', 5000, false],
  ['fe80::1', 5000, false],
  ['2001:db8::1', 5000, true],
  ['8.8.8.8', 80, false],
  ['abc.local', 5000, false],
])('a public server probes %s:%i: %s', (address, port, allowed) => {
  expect(mayProbe(address, port, { allowPrivate: false, allowLoopback: false })).toBe(allowed);
});

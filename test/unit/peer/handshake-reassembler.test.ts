import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { fragmentsOf, handshakeRecord, recordsOf } from '../../../src/peer/dtls-records.js';
import { HandshakeReassembler } from '../../../src/peer/handshake-reassembler.js';
import { cut, forged, nth, permutations, subsets } from '../../support/dtls-client.js';

const body = randomBytes(100);
const message = { type: 1, message: 1, body };
const parts = cut(message, 20, 45, 70);

test('parts in every order make the message with the last of them', () => {
  for (const order of permutations(parts)) {
    const reassembler = new HandshakeReassembler();
    const wholes = order.map((part) => reassembler.add(part));
    expect(wholes.slice(0, -1).flat()).toEqual([]);
    expect(wholes.at(-1)).toEqual([message]);
  }
});

test('what is lost comes with the repetition, cut alike or in another way', () => {
  for (const again of [parts, cut(message, 33, 66), cut(message)]) {
    for (const first of subsets(parts)) {
      const reassembler = new HandshakeReassembler();
      const wholes = [...first, ...again].flatMap((part) => reassembler.add(part));
      expect(wholes.length).toBeGreaterThan(0);
      for (const whole of wholes) expect(whole).toEqual(message);
    }
  }
});

test('duplicates and overlaps change nothing', () => {
  for (const order of permutations([...parts, ...cut(message, 33, 66)].slice(0, 6))) {
    const reassembler = new HandshakeReassembler();
    for (const part of order) {
      for (const whole of [...reassembler.add(part), ...reassembler.add(part)]) {
        expect(whole).toEqual(message);
      }
    }
    expect(reassembler.add(nth(parts, 0))).toEqual([message]);
  }
});

test('a forged part hides nothing, wherever it lies and whenever it comes', () => {
  const lies = [...cut(message, 10, 60), ...parts].map(forged);
  for (const lie of lies) {
    for (const order of permutations([...parts, lie])) {
      const reassembler = new HandshakeReassembler();
      const wholes = order.flatMap((part) => reassembler.add(part));
      expect(wholes).toContainEqual(message);
    }
  }
});

test('among many forged parts the repetition brings the message', () => {
  const reassembler = new HandshakeReassembler();
  for (let i = 0; i < 50; i++) {
    for (const part of parts) reassembler.add({ ...part, bytes: randomBytes(part.bytes.length) });
  }
  const wholes = [...parts, ...parts].flatMap((part) => reassembler.add(part));
  expect(wholes).toContainEqual(message);
});

test('messages are kept apart by number, type and length', () => {
  const start = nth(parts, 0);
  const rest = parts.slice(1);
  for (const other of [{ message: 0 }, { type: 2 }, { length: 101 }]) {
    const reassembler = new HandshakeReassembler();
    reassembler.add({ ...start, ...other });
    expect(rest.flatMap((part) => reassembler.add(part))).toEqual([]);
    expect(reassembler.add(start)).toEqual([message]);
  }
});

test('what is kept is bounded', () => {
  const reassembler = new HandshakeReassembler();
  for (let i = 0; i < 1000; i++) {
    const bytes = randomBytes(1200);
    reassembler.add({ type: 1, message: i, length: 8000, offset: 0, bytes });
    expect(reassembler.size).toBeLessThanOrEqual(16 * 1024);
  }
});

test('records and parts are read as they were written, and malformed ones refused', () => {
  const records = recordsOf(handshakeRecord(message));
  expect(nth(records, 0)).toMatchObject({ type: 22, epoch: 0, sequence: 0 });
  expect(fragmentsOf(nth(records, 0).payload)).toEqual(cut(message));
  for (let length = 1; length < 125; length++) {
    expect(recordsOf(handshakeRecord(message).subarray(0, length))).toBeUndefined();
    if (length < 112)
      expect(fragmentsOf(nth(records, 0).payload.subarray(0, length))).toBeUndefined();
  }
  const beyond = Buffer.from(nth(records, 0).payload);
  beyond.writeUIntBE(1, 6, 3);
  expect(fragmentsOf(beyond)).toBeUndefined();
});

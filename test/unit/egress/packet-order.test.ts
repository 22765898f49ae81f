import { expect, test } from 'vitest';
import { PacketOrder } from '../../../src/egress/packet-order.js';
import type { AudioInFrame } from '../../../src/link/link-messages.js';

const data = Buffer.from([1]);

const packet = (sequence: number, arrivalMicros: number): AudioInFrame => ({
  kind: 'audio-in',
  source: 1,
  sequence: sequence & 0xffff,
  timestamp: sequence * 960,
  isRepeat: false,
  isSilent: false,
  arrivalMicros,
  captureMicros: Number.NaN,
  data,
});

test('packets come out in order, each once, and wait 400 ms for a missing one', () => {
  const order = new PacketOrder();
  const push = (n: number, at: number) =>
    order.push(packet(65_534 + n, at)).map(({ sequence }) => (sequence - 65_534) & 0xffff);
  expect(push(0, 0)).toEqual([0]);
  expect(push(2, 40_000)).toEqual([]);
  expect(push(1, 45_000)).toEqual([1, 2]);
  expect(push(1, 50_000)).toEqual([]);
  expect(push(4, 80_000)).toEqual([]);
  expect(push(5, 300_000)).toEqual([]);
  expect(push(6, 500_000)).toEqual([4, 5, 6]);
});

import { expect, test } from 'vitest';
import { OpusPacketBuffer } from '../../../../src/mixer/audio/opus-packet-buffer.js';
import { PcmFifo } from '../../../../src/mixer/audio/pcm-fifo.js';

const FRAME = 960;

function packet(timestamp: number, samples = FRAME) {
  const captureMicros = Number.NaN;
  return { timestamp, samples, captureMicros, isSilent: false, data: Buffer.alloc(3) };
}

function bufferOf(...timestamps: number[]): OpusPacketBuffer {
  const buffer = new OpusPacketBuffer();
  for (const timestamp of timestamps) buffer.add(packet(timestamp));
  return buffer;
}

test('packets are found by their start, and by a time within them', () => {
  const buffer = bufferOf(FRAME, 0);
  buffer.add(packet(2 * FRAME, 3 * FRAME));
  expect([buffer.start, buffer.end]).toEqual([0, 5 * FRAME]);
  expect(buffer.at(FRAME)?.timestamp).toBe(FRAME);
  expect(buffer.at(4 * FRAME)?.timestamp).toBe(2 * FRAME);
  expect(buffer.at(5 * FRAME)).toBeUndefined();
  expect(buffer.newestStart(0, 1.5 * FRAME)).toBe(FRAME);
  expect(buffer.oldestStart(1.5 * FRAME)).toBe(2 * FRAME);
  expect(buffer.oldestStart(3 * FRAME)).toBeUndefined();
});

test('what came before a pause is dropped; a lost packet is no pause', () => {
  const buffer = bufferOf(0, FRAME, 20 * FRAME, 22 * FRAME);
  expect(buffer.dropBeforePause()).toBe(20 * FRAME);
  expect(buffer.size).toBe(2);
  expect(buffer.has(0)).toBe(false);
});

test('the oldest packet goes when there are more than two seconds of them', () => {
  const buffer = new OpusPacketBuffer();
  const fitted = Array.from({ length: 102 }, (_, n) => buffer.add(packet(n * FRAME)));
  expect(fitted.filter((one) => !one)).toHaveLength(2);
  expect([buffer.size, buffer.start]).toEqual([100, 2 * FRAME]);
});

test('of short packets two seconds fit as well', () => {
  const buffer = new OpusPacketBuffer();
  const short = (n: number) => ({ ...packet(n * 120), samples: 120 });
  const fitted = Array.from({ length: 801 }, (_, n) => buffer.add(short(n)));
  expect(fitted.filter((one) => !one)).toHaveLength(1);
  expect([buffer.size, buffer.start]).toEqual([800, 120]);
});

test('a fifo gives samples in their order, and silence for those that are missing', () => {
  const fifo = new PcmFifo(2, 2);
  fifo.append(Float32Array.of(1, 2, 3, 4, 5, 6));
  fifo.append(Float32Array.of(7, 8));
  expect(fifo.length).toBe(4);
  const out = new Float32Array(6);
  expect(fifo.takeInto(out)).toBe(3);
  expect([...out]).toEqual([1, 2, 3, 4, 5, 6]);
  expect(fifo.takeInto(out)).toBe(1);
  expect([...out]).toEqual([7, 8, 0, 0, 0, 0]);
  expect(fifo.length).toBe(0);
});

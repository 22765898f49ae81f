/** G.711 and G.722 become 48 kHz: tones keep their pitch and level, and nothing else is added. */
import { describe, expect, test } from 'vitest';
import {
  TelephonyDecoder,
  telephonyPacketSamples,
} from '../../../../src/codecs/ffmpeg/telephony-decoder.js';
import { Upsampler } from '../../../../src/codecs/upsampler.js';
import { TELEPHONY_CODECS, type TelephonyCodec } from '../../../../src/protocol/codec-names.js';
import { telephonyTone } from '../../../support/telephony.js';

const LEVEL = 0.25;

function encode(codec: TelephonyCodec, hertz: number, count: number, packetMs: number): Buffer[] {
  return telephonyTone(codec, { hertz, amplitude: LEVEL }, count, packetMs);
}

/** Amplitude of a tone in PCM of 48 kHz. */
function amplitude(pcm: Float32Array, hertz: number): number {
  let [re, im] = [0, 0];
  pcm.forEach((sample, at) => {
    const angle = (2 * Math.PI * hertz * at) / 48_000;
    re += sample * Math.cos(angle);
    im += sample * Math.sin(angle);
  });
  return (2 * Math.hypot(re, im)) / pcm.length;
}

const power = (pcm: Float32Array) => pcm.reduce((sum, one) => sum + one * one, 0) / pcm.length;

describe.each(TELEPHONY_CODECS)('%s', (codec) => {
  test.each([10, 20, 30])('packets of %d ms', (packetMs) => {
    using decoder = new TelephonyDecoder(codec, 1);
    const packets = encode(codec, 1000, 600 / packetMs, packetMs);
    const pcm = packets.flatMap((packet) => {
      expect(telephonyPacketSamples(packet)).toBe(48 * packetMs);
      const decoded = decoder.decode(packet) as Float32Array;
      expect(decoded.length).toBe(48 * packetMs);
      return [...decoded];
    });
    // Half a second of whole periods, from where the tone is settled.
    const settled = Float32Array.from(pcm.slice(4800, 28_800));
    const tone = amplitude(settled, 1000);
    expect(tone).toBeGreaterThan(0.24);
    expect(tone).toBeLessThan(0.26);
    // What is not the tone is 30 dB below it.
    expect(power(settled) - tone ** 2 / 2).toBeLessThan(tone ** 2 / 2 / 1000);
  });

  test('what is missing is repeated, more softly each time', () => {
    using decoder = new TelephonyDecoder(codec, 1);
    for (const packet of encode(codec, 500, 10, 20)) decoder.decode(packet);
    const levels = [1, 2, 3].map(() => Math.sqrt(2 * power(decoder.conceal(960))));
    for (const [times, level] of levels.entries()) {
      const expected = LEVEL / 2 ** (times + 1);
      expect(Math.abs(level - expected)).toBeLessThan(0.15 * expected);
    }
  });

  test('stereo has the same on both sides; rubbish gives no error', () => {
    using decoder = new TelephonyDecoder(codec, 2);
    const [packet] = encode(codec, 500, 1, 20);
    const pcm = decoder.decode(packet as Buffer) as Float32Array;
    expect(pcm.length).toBe(1920);
    for (let i = 0; i < pcm.length; i += 2) expect(pcm[i]).toBe(pcm[i + 1]);
    expect(decoder.decode(new Uint8Array(0))).toBeUndefined();
    expect(decoder.decode(new Uint8Array(7).fill(0xa5))?.length).toBe(2 * 7 * 6);
  });
});

test.each([6, 3])(
  'an upsampler by %d keeps tones up to its limit, and adds no images',
  (factor) => {
    const rate = 48_000 / factor;
    for (const share of [0.05, 0.2, 0.4]) {
      const upsampler = new Upsampler(factor);
      const hertz = Math.round((share * rate) / 100) * 100;
      const input = Float32Array.from({ length: rate }, (_, i) =>
        Math.sin((2 * Math.PI * hertz * i) / rate),
      );
      const parts = [input.subarray(0, 100), input.subarray(100, 101), input.subarray(101)];
      const pcm = Float32Array.from(parts.flatMap((part) => [...upsampler.push(part)]));
      expect(pcm.length).toBe(48_000);
      const settled = pcm.subarray(9600, 9600 + 24_000);
      expect(amplitude(settled, hertz)).toBeGreaterThan(0.9);
      expect(amplitude(settled, hertz)).toBeLessThan(1.05);
      expect(amplitude(settled, rate - hertz)).toBeLessThan(0.02);
    }
  },
);

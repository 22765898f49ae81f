/** Opus packets of every duration are played whole (RFC 6716, 2.1.4). */
import { expect, test } from 'vitest';
import {
  FRAME_SAMPLES,
  OpusDecoder,
  OpusEncoder,
  opusPacketSamples,
} from '../../../../src/codecs/opus/opus.js';
import { AudioJitterBuffer } from '../../../../src/mixer/audio/audio-jitter-buffer.js';

const HERTZ = 500;
const START = 1_000_000;
const SECONDS = 3;

test.each([120, 240, 480, 960, 1920, 2880])('packets of %d samples', async (samples) => {
  using encoder = await OpusEncoder.open({
    ...{ channels: 1, bitrateBps: 64_000, complexity: 5, frameSamples: samples },
  });
  using decoder = await OpusDecoder.open(1);
  const jitter = new AudioJitterBuffer(decoder);
  const tone = (at: number) => 0.3 * Math.sin((2 * Math.PI * HERTZ * at) / 48_000);
  let [sent, sequence, active] = [0, 0, 0];
  const heard: number[] = [];
  for (let tick = 1; tick <= SECONDS * 50; tick++) {
    for (; (sent + samples) / 48 <= tick * 20; sent += samples) {
      const pcm = Float32Array.from({ length: samples }, (_, i) => tone(sent + i));
      const data = Buffer.from(encoder.encode(pcm, false));
      expect(opusPacketSamples(data)).toBe(samples);
      jitter.push({
        ...{ kind: 'audio-in', source: 1, sequence: sequence++ & 0xffff, timestamp: sent },
        ...{ isRepeat: false, isSilent: false, captureMicros: Number.NaN, data },
        arrivalMicros: START + Math.round((sent + samples) / 0.048),
      });
    }
    const pulled = jitter.pull();
    if (pulled.active) active++;
    if (tick > 50) heard.push(...pulled.pcm);
  }
  expect(active).toBeGreaterThan(SECONDS * 50 - 20);
  const { audio_packets_overflow, audio_packets_late, audio_samples_concealed } = jitter.counters;
  expect([audio_packets_overflow, audio_packets_late]).toEqual([0, 0]);
  // Until the delay is as long as a packet.
  expect(audio_samples_concealed).toBeLessThanOrEqual(2880);
  let [re, im] = [0, 0];
  heard.slice(-FRAME_SAMPLES * 25).forEach((sample, at) => {
    re += sample * Math.cos((2 * Math.PI * HERTZ * at) / 48_000);
    im += sample * Math.sin((2 * Math.PI * HERTZ * at) / 48_000);
  });
  expect((2 * Math.hypot(re, im)) / (FRAME_SAMPLES * 25)).toBeGreaterThan(0.25);
});

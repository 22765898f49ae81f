/** The audio stages with real Opus and a fake clock: time is the number of the tick. */
import { beforeAll, expect, test } from 'vitest';
import { OpusDecoder, OpusEncoder, opusPacketSamples } from '../../../../src/codecs/opus/opus.js';
import { AudioDelayEstimator } from '../../../../src/mixer/audio/audio-delay-estimator.js';
import { AudioJitterBuffer } from '../../../../src/mixer/audio/audio-jitter-buffer.js';
import { AudioMixer, FULL_MIX } from '../../../../src/mixer/audio/audio-mixer.js';
import { SpeakerSelection } from '../../../../src/mixer/audio/speaker-selection.js';
import { accelerate, expand } from '../../../../src/mixer/audio/time-scale.js';
import { noFaults } from '../../../support/fake-mixer.js';
import { toneDbfs } from '../../../support/tones.js';

const packets = new Map<number, Buffer[]>();

async function encodeTone(frequency: number, count: number): Promise<Buffer[]> {
  using encoder = await OpusEncoder.open({ channels: 1, bitrateBps: 64_000, complexity: 5 });
  return Array.from({ length: count }, (_, frame) => {
    const pcm = Float32Array.from(
      { length: 960 },
      (_, i) => 0.3 * Math.sin((2 * Math.PI * frequency * (frame * 960 + i)) / 48_000),
    );
    return Buffer.from(encoder.encode(pcm, false));
  });
}

beforeAll(async () => {
  for (const frequency of [400, 1000, 1900])
    packets.set(frequency, await encodeTone(frequency, 600));
});

const audioIn = (source: number, data: Buffer, index: number, arrival = index * 20_000) =>
  ({
    kind: 'audio-in',
    source,
    sequence: index & 0xffff,
    timestamp: (index * 960 + 0xffff_0000) >>> 0,
    isRepeat: false,
    isSilent: false,
    arrivalMicros: arrival,
    captureMicros: Number.NaN,
    data,
  }) as const;

const fail = (error: unknown) => {
  throw error;
};

const person = (owner: number) => ({ owner, kind: 'camera', audioOn: true, gain: 1 }) as const;

function largestStep(pcm: Float32Array): number {
  let step = 0;
  for (let i = 1; i < pcm.length; i++)
    step = Math.max(step, Math.abs((pcm[i] as number) - (pcm[i - 1] as number)));
  return step;
}

test('N-1: everybody hears the others and not themselves; encodes = speakers + 1', async () => {
  const mixer = new AudioMixer(
    {
      audioChannels: 1,
      audioBitrateBps: 96_000,
      maxSpeakers: 8,
    } as never,
    noFaults(),
    fail,
  );
  await mixer.start();
  const tones = [400, 1000, 1900];
  for (const id of [1, 2, 3, 4]) await mixer.addSource(id, person(id));
  const decoders = new Map<number, OpusDecoder>();
  const heard = new Map<number, number[]>();
  for (const id of [FULL_MIX, 1, 2, 3]) decoders.set(id, await OpusDecoder.open(1));
  let [encodes, speakers] = [0, 0];
  for (let tick = 0; tick < 150; tick++) {
    for (const [index, tone] of tones.entries())
      mixer.push(audioIn(index + 1, packets.get(tone)?.[tick] as Buffer, tick));
    const before = { ...mixer.counters };
    const mixed = mixer.tick();
    encodes = mixer.counters.audio_encodes - before.audio_encodes;
    speakers = mixer.counters.audio_speakers - before.audio_speakers;
    for (const [id, decoder] of decoders) {
      const data =
        mixed.find(({ source }) => source === id) ??
        mixed.find(({ source }) => source === FULL_MIX);
      const pcm = decoder.decode(data?.data as Uint8Array) as Float32Array;
      if (tick >= 100) heard.set(id, [...(heard.get(id) ?? []), ...pcm]);
    }
  }
  expect([encodes, speakers]).toEqual([4, 3]);
  for (const [index, tone] of tones.entries()) {
    for (const id of [FULL_MIX, 1, 2, 3]) {
      const level = toneDbfs(Float32Array.from(heard.get(id) as number[]), tone);
      if (id === index + 1) expect(level).toBeLessThan(-60);
      else expect(level).toBeGreaterThan(-20);
    }
  }
  // Muted, they are out of it within a tick or two, and the encodes with them.
  for (const id of [1, 2, 3]) mixer.setState(id, { ...person(id), audioOn: false });
  for (let tick = 0; tick < 60; tick++) mixer.tick();
  expect(mixer.tick()).toHaveLength(1);
  mixer.close();
});

test('stalls of 150 ms every 10 s do not let the delay grow', async () => {
  const buffer = new AudioJitterBuffer(await OpusDecoder.open(1));
  const tone = packets.get(400) as Buffer[];
  const delays: number[] = [];
  let next = 0;
  for (let tick = 0; tick < 6000; tick++) {
    // 8 ticks of nothing each 500, then all of it at once.
    const stalled = tick % 500 < 8;
    while (!stalled && next <= tick) {
      buffer.push(audioIn(1, tone[next % 600] as Buffer, next, tick * 20_000));
      next++;
    }
    buffer.pull();
    if (tick > 100 && tick % 500 === 490) delays.push(buffer.delayMicros / 1000);
  }
  expect(Math.abs((delays.at(-1) as number) - (delays[1] as number))).toBeLessThan(20);
  expect(Math.max(...delays)).toBeLessThan(120);
});

test('the delay grows for short stalls that recur', async () => {
  const buffer = new AudioJitterBuffer(await OpusDecoder.open(1));
  const tone = packets.get(400) as Buffer[];
  let next = 0;
  let before = 0;
  for (let tick = 0; tick < 3000; tick++) {
    // 80 ms of nothing each 2 s: too rare for the percentile to see.
    const stalled = tick % 100 < 4;
    while (!stalled && next <= tick) {
      buffer.push(audioIn(1, tone[next % 600] as Buffer, next, tick * 20_000));
      next++;
    }
    buffer.pull();
    if (tick === 1500) before = buffer.counters.audio_samples_concealed;
  }
  expect(before).toBeGreaterThan(0);
  expect(buffer.counters.audio_samples_concealed - before).toBeLessThan(3 * 960);
});

test('loss is concealed without a click, reordering without a loss', async () => {
  const buffer = new AudioJitterBuffer(await OpusDecoder.open(1));
  const tone = packets.get(400) as Buffer[];
  const out: number[] = [];
  for (let tick = 0; tick < 300; tick++) {
    if (tick % 25 !== 7 && tick % 2 === 0) {
      buffer.push(audioIn(1, tone[tick + 1] as Buffer, tick + 1, tick * 20_000));
      buffer.push(audioIn(1, tone[tick] as Buffer, tick, tick * 20_000));
    }
    const { pcm } = buffer.pull();
    if (tick > 20) out.push(...pcm);
  }
  expect(buffer.counters.audio_packets_late).toBeLessThan(10);
  // A sine of 400 Hz and amplitude 0.3 moves 0.016 a sample; a click would be many times that.
  expect(largestStep(Float32Array.from(out))).toBeLessThan(0.06);
});

test('redundant copies of lost packets are waited for and played', async () => {
  const buffer = new AudioJitterBuffer(await OpusDecoder.open(1));
  const tone = packets.get(400) as Buffer[];
  for (let tick = 0; tick < 600; tick++) {
    const lost = tick % 25 === 7;
    const packet = audioIn(1, tone[tick] as Buffer, tick);
    // Each packet carries the one before it.
    const repeat = { ...audioIn(1, tone[Math.max(0, tick - 1)] as Buffer, Math.max(0, tick - 1)) };
    if (!lost) {
      if (tick > 0) buffer.push({ ...repeat, isRepeat: true, arrivalMicros: tick * 20_000 });
      buffer.push(packet);
    }
    buffer.pull();
  }
  expect(buffer.counters.audio_packets_recovered).toBeGreaterThan(20);
  // The first losses may come before anything was waited for.
  expect(buffer.counters.audio_samples_concealed).toBeLessThan(3 * 960);
  expect(buffer.counters.audio_packets_duplicate).toBe(0);
});

test('invalid packets are counted, and an empty buffer gives silence', async () => {
  const buffer = new AudioJitterBuffer(await OpusDecoder.open(1));
  expect(buffer.pull()).toMatchObject({ active: false });
  buffer.push(audioIn(1, Buffer.alloc(0), 1));
  buffer.push(audioIn(1, Buffer.from([0xff, 0x3f, 1, 2]), 2));
  expect(buffer.counters.audio_packets_invalid).toBeGreaterThan(0);
  expect(opusPacketSamples(Buffer.from([0x78]))).toBe(960);
});

test('time scaling keeps the pitch and makes no click', () => {
  const block = Float32Array.from(
    { length: 960 },
    (_, i) => 0.3 * Math.sin((2 * Math.PI * 400 * i) / 48_000),
  );
  for (const scaled of [accelerate(block, 1), expand(block, 1)]) {
    expect(scaled.length).not.toBe(960);
    expect(largestStep(scaled)).toBeLessThan(0.03);
  }
});

test('the loudest few are selected, with a hold time', () => {
  const selection = new SpeakerSelection<string>({ maxSpeakers: 2 });
  const levels = (a: number, b: number, c: number) =>
    new Map([
      ['a', a],
      ['b', b],
      ['c', c],
    ]);
  expect([...selection.update(levels(-30, -40, -90))]).toEqual(['a', 'b']);
  expect([...selection.update(levels(-30, -40, -38))]).toEqual(['a', 'b']);
  expect([...selection.update(levels(-30, -40, -20))].sort()).toEqual(['a', 'c']);
  for (let i = 0; i < 40; i++) selection.update(levels(-90, -90, -20));
  expect(selection.update(levels(-90, -90, -20)).has('a')).toBe(true);
  for (let i = 0; i < 20; i++) selection.update(levels(-90, -90, -20));
  expect([...selection.update(levels(-90, -90, -20))]).toEqual(['c']);
  expect([...selection.update(new Map())]).toEqual([]);
});

test('recurring lateness raises the delay, a single stall does not, and both are forgotten', () => {
  const estimator = new AudioDelayEstimator();
  let media = 0;
  const packets = (count: number, lateEvery: number, late: number) => {
    for (let i = 1; i <= count; i++) {
      media += 20_000;
      const isLate = i % lateEvery === 0;
      const arrival = media + 5000 + (isLate ? late : 0);
      estimator.add(arrival, media);
      if (isLate) estimator.late(arrival, media);
    }
  };
  packets(400, 1000, 0);
  const calm = estimator.targetMicros;
  expect(calm).toBeLessThan(50_000);
  packets(400, 350, 150_000);
  expect(estimator.targetMicros).toBe(calm);
  packets(400, 100, 90_000);
  expect(estimator.targetMicros).toBeGreaterThan(90_000);
  packets(450, 1000, 0);
  expect(estimator.targetMicros).toBe(calm);
});

/** Voices on their way into the mix: DTX, noise gate, loudness, stereo position and fades. */
import { Application, createEncoder, EncoderCtl } from 'libopus-wasm';
import { beforeAll, expect, test } from 'vitest';
import { FRAME_SAMPLES, OpusDecoder } from '../../../../src/codecs/opus/opus.js';
import { AudioJitterBuffer } from '../../../../src/mixer/audio/audio-jitter-buffer.js';
import { AudioMixer, FULL_MIX } from '../../../../src/mixer/audio/audio-mixer.js';
import { LoudnessControl } from '../../../../src/mixer/audio/loudness-control.js';
import { NoiseGate } from '../../../../src/mixer/audio/noise-gate.js';
import { levelDbfs } from '../../../../src/mixer/audio/pcm-level.js';
import { noFaults } from '../../../support/fake-mixer.js';
import { toneDbfs } from '../../../support/tones.js';

const TICK = 20_000;
const settings = {
  audioChannels: 1,
  audioBitrateBps: 96_000,
  lowAudioBitrateBps: 16_000,
  maxSpeakers: 8,
  levelling: false,
  noiseGate: true,
  stereoPlacement: false,
  pixelRates: { source: 140e6, room: 600e6 },
  loadControl: false,
} as never;
const stereo = { ...(settings as object), audioChannels: 2, stereoPlacement: true } as never;
const fail = (error: unknown) => {
  throw error;
};

const person = (owner: number) => ({ owner, kind: 'camera', audioOn: true, gain: 1 }) as const;

/** A tone of `frames` Opus frames; silent where `amplitude` of the frame is 0. */
async function encode(
  hertz: number,
  frames: number,
  amplitude: (frame: number) => number,
  dtx = false,
) {
  const encoder = await createEncoder({
    channels: 1,
    sampleRate: 48_000,
    application: Application.Voip,
    bitrate: 64_000,
    complexity: 5,
    frameSize: FRAME_SAMPLES,
  });
  if (dtx) encoder.encoderCtl(EncoderCtl.SetDtx, 1);
  return Array.from({ length: frames }, (_, frame) => {
    const pcm = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => {
      const at = frame * FRAME_SAMPLES + i;
      return amplitude(frame) * Math.sin((2 * Math.PI * hertz * at) / 48_000);
    });
    return Buffer.from(encoder.encodeFloat(pcm));
  });
}

const audioIn = (source: number, data: Buffer, index: number, isSilent = false) =>
  ({
    kind: 'audio-in',
    source,
    sequence: index & 0xffff,
    timestamp: (index * FRAME_SAMPLES) >>> 0,
    isRepeat: false,
    isSilent,
    arrivalMicros: index * TICK,
    captureMicros: Number.NaN,
    data,
  }) as const;

const largestStepDbfs = (pcm: readonly number[]) => {
  let step = 0;
  for (let i = 1; i < pcm.length; i++)
    step = Math.max(step, Math.abs((pcm[i] as number) - (pcm[i - 1] as number)));
  return 20 * Math.log10(step + 1e-9);
};

/** Steady tones by frequency, each step of which is below -46 dBFS. */
const tones = new Map<number, Buffer[]>();
const TONES = [200, 260, 330, 410, 500];
const FRAMES = 400;
beforeAll(async () => {
  for (const hertz of TONES) tones.set(hertz, await encode(hertz, FRAMES, () => 0.05));
});

test('a silent sender is not decoded, and is heard from its first word on', async () => {
  const speaks = (frame: number) => frame < 50 || frame >= 200;
  const packets = await encode(400, 300, (frame) => (speaks(frame) ? 0.3 : 0), true);
  const silent = packets.filter(({ length }) => length <= 2).length;
  expect(silent).toBeGreaterThan(100);
  const buffer = new AudioJitterBuffer(await OpusDecoder.open(1));
  const heard: number[] = [];
  let decodedInSilence = 0;
  let sent = 0;
  for (let tick = 0; tick < 300; tick++) {
    const packet = packets[tick] as Buffer;
    // As libwebrtc does it: of a silence, only its beginning is sent.
    if (packet.length > 2 || (packets[tick - 1]?.length ?? 0) > 2) {
      buffer.push({ ...audioIn(1, packet, tick), sequence: sent });
      sent++;
    }
    const before = buffer.counters.audio_frames_decoded;
    const { pcm, active } = buffer.pull();
    if (tick > 90 && tick < 195) {
      decodedInSilence += buffer.counters.audio_frames_decoded - before;
      if (active) expect(levelDbfs(pcm)).toBeLessThan(-70);
    }
    heard.push(...pcm);
  }
  // The comfort noise that is renewed each 400 ms, at most.
  expect(decodedInSilence).toBeLessThan(7);
  expect(buffer.counters.audio_samples_concealed).toBe(0);
  expect(buffer.counters.audio_packets_late).toBe(0);
  // All of the second word: a hundred frames, but for what is still in the buffer.
  const word = heard.slice(200 * FRAME_SAMPLES);
  const loud = Array.from({ length: 100 }, (_, frame) =>
    levelDbfs(Float32Array.from(word.slice(frame * FRAME_SAMPLES, (frame + 1) * FRAME_SAMPLES))),
  ).filter((level) => level > -20).length;
  expect(loud).toBeGreaterThan(90);
  expect(largestStepDbfs(heard)).toBeLessThan(-28);
});

test('silent frames marked as silent are not decoded; loud ones marked so are', async () => {
  const decodes = async (amplitude: number) => {
    const packets = await encode(400, 200, () => 0.3);
    const encoder = await createEncoder({ channels: 1, sampleRate: 48_000, frameSize: 960 });
    const quiet = Array.from({ length: 200 }, () =>
      Buffer.from(encoder.encodeFloat(new Float32Array(960).fill(amplitude))),
    );
    const buffer = new AudioJitterBuffer(await OpusDecoder.open(1));
    let lastDecoded = 0;
    for (let tick = 0; tick < 200; tick++) {
      const data = (amplitude === 0 ? quiet : packets)[tick] as Buffer;
      buffer.push(audioIn(1, data, tick, true));
      const before = buffer.counters.audio_frames_decoded;
      buffer.pull();
      if (tick >= 100) lastDecoded += buffer.counters.audio_frames_decoded - before;
    }
    return lastDecoded;
  };
  expect(await decodes(0)).toBe(0);
  expect(await decodes(0.3)).toBeGreaterThan(95);
});

test('the gate turns noise down and keeps the starts of words', () => {
  const gate = new NoiseGate(true);
  const gains = (level: number, ticks: number) =>
    Array.from({ length: ticks }, () => {
      gate.update(level);
      return gate.gain;
    });
  // A fan at -50 dBFS: at first it may be anything, then it is noise.
  expect(gains(-50, 1000).at(-1)).toBeLessThan(0.25);
  // A word is open from its first 20 ms, stays so over its pauses, and noise is noise again after it.
  expect(gains(-30, 10)[0]).toBe(1);
  expect(gains(-50, 12)).toEqual(Array(12).fill(1));
  expect(gains(-30, 50)[0]).toBe(1);
  expect(gains(-50, 40).at(-1)).toBeLessThan(0.25);
  // A soft word too; and a long steady sound that is loud is none.
  expect(gains(-38, 1)[0]).toBe(1);
  expect(gains(-20, 3000).at(-1)).toBe(1);
});

test('voices are brought to the same loudness', () => {
  const settled = [0.01, 0.05, 0.3].map((amplitude) => {
    const control = new LoudnessControl(1);
    for (let tick = 0; tick < 1500; tick++) {
      // A second of speech, a second of pause.
      const spoken = tick % 100 < 50;
      const pcm = Float32Array.from(
        { length: FRAME_SAMPLES },
        (_, i) =>
          (spoken ? amplitude : 0) *
          Math.sin((2 * Math.PI * 500 * (tick * FRAME_SAMPLES + i)) / 48_000),
      );
      control.update(pcm, spoken);
    }
    return 20 * Math.log10((amplitude / Math.SQRT2) * control.gain);
  });
  // 500 Hz is weighted by nearly nothing: LUFS are dBFS here.
  for (const level of settled.slice(1)) expect(Math.abs(level + 20)).toBeLessThan(1.5);
  // What is too far off is brought nearer, and no more.
  expect(settled[0]).toBeGreaterThan(-26);
});

/** Runs a mixer on steady tones, and gives what each of the listeners hears. */
async function listen(
  ids: readonly number[],
  ticks: number,
  act: (mixer: AudioMixer, tick: number) => void | Promise<void>,
): Promise<Map<number, number[]>> {
  const mixer = new AudioMixer(settings, noFaults(), fail);
  await mixer.start();
  for (const id of ids) await mixer.addSource(id, person(id));
  const listeners = new Map<number, { decoder: OpusDecoder; heard: number[] }>();
  for (const id of [FULL_MIX, ...ids]) {
    listeners.set(id, { decoder: await OpusDecoder.open(1), heard: [] });
  }
  for (let tick = 0; tick < ticks; tick++) {
    for (const id of ids) {
      const packet = tones.get(TONES[id - 1] as number)?.[tick];
      if (packet) mixer.push(audioIn(id, packet, tick));
    }
    await act(mixer, tick);
    const mixed = mixer.tick();
    for (const [id, { decoder, heard }] of listeners) {
      const own = mixed.find(({ source }) => source === id);
      const { data } = own ?? (mixed.find(({ source }) => source === FULL_MIX) as typeof own & {});
      heard.push(...(decoder.decode(data) as Float32Array));
    }
  }
  mixer.close();
  return new Map([...listeners].map(([id, { heard }]) => [id, heard]));
}

test('each of five speakers hears the four others, and itself below -60 dBFS', async () => {
  const heard = await listen([1, 2, 3, 4, 5], 250, () => {});
  for (const [id, pcm] of heard) {
    for (const [index, hertz] of TONES.entries()) {
      const level = toneDbfs(pcm.slice(100 * FRAME_SAMPLES), hertz);
      if (id === index + 1) expect([id, hertz, level < -60]).toEqual([id, hertz, true]);
      else expect([id, hertz, level > -30]).toEqual([id, hertz, true]);
    }
  }
});

test('speakers enter and leave the mix without a click', async () => {
  const heard = await listen([1, 2, 3], 380, (mixer, tick) => {
    const on = (id: number, audioOn: boolean) => mixer.setState(id, { ...person(id), audioOn });
    if (tick > 20 && tick % 20 === 0) on(2, tick % 40 === 0);
    if (tick === 150) mixer.removeSource(3);
    if (tick === 200) return mixer.addSource(3, person(3));
    if (tick === 250) mixer.setState(1, { ...person(1), gain: 0.2 });
    if (tick === 300) mixer.setState(1, { ...person(1), gain: 1 });
    return undefined;
  });
  // The tones themselves step by -49 dBFS at most, the three of them together by -43.
  for (const [id, pcm] of heard) {
    const step = largestStepDbfs(pcm.slice(FRAME_SAMPLES));
    expect([id, step < -40, step]).toEqual([id, true, step]);
  }
});

test('voices are heard from where their tiles are', async () => {
  const mixer = new AudioMixer(stereo, noFaults(), fail);
  await mixer.start();
  for (const id of [1, 2]) await mixer.addSource(id, person(id));
  mixer.place(1, -1);
  mixer.place(2, 1);
  const decoder = await OpusDecoder.open(2);
  const sides: [number[], number[]] = [[], []];
  for (let tick = 0; tick < 150; tick++) {
    for (const id of [1, 2]) {
      mixer.push(audioIn(id, tones.get(TONES[id - 1] as number)?.[tick] as Buffer, tick));
    }
    const mixed = mixer.tick().find(({ source }) => source === FULL_MIX);
    const pcm = decoder.decode(mixed?.data as Uint8Array) as Float32Array;
    if (tick < 50) continue;
    for (const [index, value] of pcm.entries()) sides[index % 2 === 0 ? 0 : 1].push(value);
  }
  const [left, right] = sides.map((pcm) => TONES.slice(0, 2).map((hertz) => toneDbfs(pcm, hertz)));
  expect((left?.[0] as number) - (right?.[0] as number)).toBeGreaterThan(8);
  expect((right?.[1] as number) - (left?.[1] as number)).toBeGreaterThan(8);
  mixer.close();
});

/** What the listeners to the low bitrate hear, decoded as one stream with what came before it. */
async function listenLow(
  ids: readonly number[],
  ticks: number,
  lowFrom: number,
  lowTo: number,
  act: (mixer: AudioMixer, tick: number) => void,
): Promise<Map<number, number[]>> {
  const mixer = new AudioMixer(settings, noFaults(), fail);
  await mixer.start();
  for (const id of ids) await mixer.addSource(id, person(id));
  const listeners = new Map<number, { decoder: OpusDecoder; heard: number[]; low: boolean }>();
  for (const id of [FULL_MIX, ...ids]) {
    listeners.set(id, { decoder: await OpusDecoder.open(1), heard: [], low: false });
  }
  for (let tick = 0; tick < ticks; tick++) {
    for (const id of ids) {
      const packet = tones.get(TONES[id - 1] as number)?.[tick];
      if (packet) mixer.push(audioIn(id, packet, tick));
    }
    act(mixer, tick);
    if (tick === lowFrom - 10) {
      mixer.setLowRateListeners([FULL_MIX, ...ids]);
      // The encoders are opened.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const mixed = mixer.tick();
    for (const [id, listener] of listeners) {
      for (const low of [false, true]) {
        const all = mixed.filter((packet) => packet.low === low);
        const packet =
          all.find(({ source }) => source === id) ?? all.find(({ source }) => source === FULL_MIX);
        if (!packet) continue;
        if (packet.lowBegins) listener.low = tick >= lowFrom && tick < lowTo;
        if (packet.low === listener.low) {
          listener.heard.push(...(listener.decoder.decode(packet.data) as Float32Array));
        }
      }
    }
  }
  mixer.close();
  return new Map([...listeners].map(([id, { heard }]) => [id, heard]));
}

test('the low bitrate has the same mixes, and switches to and from it make no click', async () => {
  const [from, to] = [60, 250];
  const heard = await listenLow([1, 2, 3], 350, from, to, (mixer, tick) => {
    const on = (id: number, audioOn: boolean) => mixer.setState(id, { ...person(id), audioOn });
    if (tick >= 150 && tick % 17 === 0) on(2, tick % 34 === 0);
  });
  for (const [id, pcm] of heard) {
    // Nothing is lost and nothing comes twice.
    expect(Math.abs(pcm.length / FRAME_SAMPLES - 350)).toBeLessThanOrEqual(3);
    const low = pcm.slice(80 * FRAME_SAMPLES, 145 * FRAME_SAMPLES);
    for (const [index, hertz] of TONES.slice(0, 3).entries()) {
      const level = toneDbfs(low, hertz);
      if (id === index + 1) expect([id, hertz, level < -50]).toEqual([id, hertz, true]);
      else expect([id, hertz, level > -30]).toEqual([id, hertz, true]);
    }
    const steps = largestStepDbfs(pcm.slice(10 * FRAME_SAMPLES));
    console.log(`low bitrate, listener ${id}: largest step ${steps.toFixed(1)} dBFS`);
    expect(steps).toBeLessThan(-40);
  }
});

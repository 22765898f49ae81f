/** The audio loop with real Opus on a clock that the test moves. */
import { beforeAll, expect, test } from 'vitest';
import { OpusEncoder } from '../../../../src/codecs/opus/opus.js';
import type { AudioOutFrame, SourceId } from '../../../../src/link/link-messages.js';
import { AudioLoop } from '../../../../src/mixer/audio/audio-loop.js';
import { FULL_MIX } from '../../../../src/mixer/audio/audio-mixer.js';
import { AvSync } from '../../../../src/mixer/av-sync.js';
import { StageTimes } from '../../../../src/util/stage-times.js';
import { FakeTime, mixSettings, noFaults, sourceState } from '../../../support/fake-mixer.js';

const TICK = 20_000;
const LOW_PACKET_TICKS = 3;
let speech: Buffer[] = [];

beforeAll(async () => {
  using encoder = await OpusEncoder.open({ channels: 1, bitrateBps: 48_000, complexity: 5 });
  speech = Array.from({ length: 100 }, (_, frame) => {
    const pcm = Float32Array.from(
      { length: 960 },
      (_, i) => 0.2 * Math.sin((2 * Math.PI * 400 * (frame * 960 + i)) / 48_000),
    );
    return Buffer.from(encoder.encode(pcm, false));
  });
});

class Room {
  readonly time = new FakeTime();
  readonly frames: AudioOutFrame[] = [];
  readonly speaking: SourceId[][] = [];
  readonly dominant: (SourceId | undefined)[] = [];
  readonly stages = new StageTimes();
  readonly sources = [1, 2].map((id) => ({ id, sync: new AvSync() }));
  readonly loop: AudioLoop;
  private sent = 0;

  constructor() {
    this.loop = new AudioLoop(
      mixSettings(),
      this.sources,
      {
        frame: (frame) => this.frames.push(frame),
        speaking: (sources) => this.speaking.push([...sources]),
        dominant: (source) => this.dominant.push(source),
        failed: (error) => {
          throw error;
        },
      },
      this.stages,
      noFaults(),
      this.time,
    );
  }

  async open(): Promise<void> {
    await this.loop.open();
    this.loop.setSources(this.sources.map(({ id }) => sourceState(id)));
    await this.loop.idle();
    this.loop.startTicks();
  }

  /** Runs ticks in which `talking` send speech and nobody else sends anything. */
  async run(ticks: number, talking: readonly SourceId[]): Promise<void> {
    for (let tick = 0; tick < ticks; tick++, this.sent++) {
      for (const source of talking) {
        this.loop.push({
          kind: 'audio-in',
          source,
          sequence: this.sent & 0xffff,
          timestamp: this.sent * 960,
          isRepeat: false,
          isSilent: false,
          arrivalMicros: this.time.now(),
          captureMicros: Number.NaN,
          data: speech[this.sent % speech.length] as Buffer,
        });
      }
      await this.time.advance(TICK);
    }
  }

  close(): void {
    this.loop.close();
  }
}

test('nothing is mixed until somebody listens', async () => {
  const room = new Room();
  await room.open();
  await room.run(10, [1]);
  expect(room.frames).toEqual([]);
  expect(room.loop.snapshot().mixer.audio_ticks).toBe(0);
  room.close();
});

test('each tick gives one full mix, own mixes for those in it, and marks the last packet', async () => {
  const room = new Room();
  await room.open();
  room.loop.setListeners(true, []);
  const start = room.time.now();
  await room.run(60, [1]);
  const ticks = [...new Set(room.frames.map(({ ptsMicros }) => ptsMicros))];
  expect(ticks).toEqual(Array.from({ length: 60 }, (_, tick) => start + tick * TICK));
  for (const pts of ticks) {
    const frames = room.frames.filter(({ ptsMicros }) => ptsMicros === pts);
    expect(frames.filter(({ source }) => source === FULL_MIX)).toHaveLength(1);
    expect(frames.map(({ last }) => last)).toEqual(frames.map((_, i) => i === frames.length - 1));
  }
  const now = room.frames.filter(({ ptsMicros }) => ptsMicros === ticks.at(-1));
  expect(now.map(({ source }) => source)).toEqual([FULL_MIX, 1]);
  const { mixer, audio_ticks_skipped } = room.loop.snapshot();
  expect(mixer.audio_encodes).toBe(room.frames.length);
  expect(audio_ticks_skipped).toBe(0);
  expect(room.stages.histograms.mix?.counts.reduce((a, b) => a + b)).toBe(60);
  room.close();
});

test('says who speaks and who dominates, when it changes', async () => {
  const room = new Room();
  await room.open();
  room.loop.setListeners(true, []);
  await room.run(100, [1]);
  expect(room.speaking.at(-1)).toEqual([1]);
  expect(room.dominant).toEqual([1]);
  expect(room.loop.dominant).toBe(1);
  const before = room.speaking.length;
  await room.run(100, [1]);
  expect(room.speaking).toHaveLength(before);
  await room.run(150, [2]);
  expect(room.speaking.at(-1)).toEqual([2]);
  expect([...room.loop.speakers]).toEqual([2]);
  expect(room.dominant).toEqual([1, 2]);
  room.close();
});

test('a source that is not visible any more leaves the mix; a new one comes in', async () => {
  const room = new Room();
  await room.open();
  room.loop.setListeners(true, []);
  await room.run(50, [1, 2]);
  expect(room.loop.sourceSnapshot(1)?.audio_frames_decoded).toBeGreaterThan(40);
  room.loop.setSources([sourceState(1, { visible: false }), sourceState(2)]);
  await room.run(5, [1, 2]);
  expect(room.loop.sourceSnapshot(1)).toBeUndefined();
  expect([...room.loop.speakers]).toEqual([2]);
  room.loop.setSources([sourceState(1), sourceState(2)]);
  await room.loop.idle();
  await room.run(30, [1, 2]);
  expect([...room.loop.speakers].sort()).toEqual([1, 2]);
  room.close();
});

test('packets of the low bitrate carry the time of their first tick', async () => {
  const room = new Room();
  await room.open();
  room.loop.setListeners(true, [FULL_MIX]);
  // Its encoder is opened in the background.
  while (!room.frames.some(({ low }) => low)) {
    await room.run(LOW_PACKET_TICKS, []);
    await new Promise(setImmediate);
  }
  const from = room.frames.length;
  await room.run(30 * LOW_PACKET_TICKS, []);
  const frames = room.frames.slice(from);
  const begins = frames.filter(({ lowBegins }) => lowBegins).map(({ ptsMicros }) => ptsMicros);
  const low = frames.filter((frame) => frame.low).map(({ ptsMicros }) => ptsMicros);
  expect(low.length).toBe(30);
  expect(low).toEqual(begins);
  room.close();
});

test('packets that come while a source is being opened are heard', async () => {
  const room = new Room();
  await room.loop.open();
  room.loop.setListeners(true, []);
  room.loop.setSources([sourceState(1)]);
  // Its decoder is not there yet.
  for (let n = 0; n < 10; n++) {
    room.loop.push({
      ...{
        kind: 'audio-in',
        source: 1,
        sequence: n,
        timestamp: n * 960,
        captureMicros: Number.NaN,
      },
      ...{ isRepeat: false, isSilent: false, arrivalMicros: room.time.now() },
      data: speech[n] as Buffer,
    });
  }
  await room.loop.idle();
  room.loop.startTicks();
  await room.time.advance(3 * TICK);
  expect(room.loop.sourceSnapshot(1)?.audio_frames_decoded).toBeGreaterThan(0);
  await room.loop.stop();
  room.loop.close();
});

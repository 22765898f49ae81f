/**
 * Errors about one source in every stage of the mixer: they are caught at that source, counted and
 * told, and what the others see and hear goes on. Real codecs on a clock that the test moves.
 */
import * as canvas from '@napi-rs/canvas';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { quietFfmpeg } from '../../../src/codecs/ffmpeg/log.js';
import { Picture } from '../../../src/codecs/ffmpeg/picture.js';
import { Scaler } from '../../../src/codecs/ffmpeg/scaler.js';
import { VideoDecoder } from '../../../src/codecs/ffmpeg/video-decoder.js';
import { VideoEncoder } from '../../../src/codecs/ffmpeg/video-encoder.js';
import { OpusDecoder, OpusEncoder } from '../../../src/codecs/opus/opus.js';
import type { FaultStage } from '../../../src/link/fault-stages.js';
import type {
  AudioOutFrame,
  MediaEvent,
  MixSettings,
  SourceId,
  VideoOutFrame,
} from '../../../src/link/link-messages.js';
import { AudioSource } from '../../../src/mixer/audio/audio-source.js';
import { runRoomCommand } from '../../../src/mixer/room-commands.js';
import { RoomMixer } from '../../../src/mixer/room-mixer.js';
import { TilePicture } from '../../../src/mixer/tiles/tile-picture.js';
import { PictureQueue } from '../../../src/mixer/video/picture-queue.js';
import { BT601 } from '../../../src/rtp/colour-space.js';
import { encodeMoving, encodeSized } from '../../support/encoded.js';
import { FakeTime, mixSettings, sourceState } from '../../support/fake-mixer.js';
import { keyframeOf, ODD_SIZES } from '../../support/odd-sizes.js';

const SECOND = 1_000_000;
const [GOOD, BAD] = [1, 2];
const VP8 = { codec: 'vp8', rendition: 0 } as const;
let moving: Buffer[] = [];
let speech: Buffer[] = [];

beforeAll(async () => {
  quietFfmpeg();
  moving = await encodeMoving('vp8', 10);
  using encoder = await OpusEncoder.open({ channels: 1, bitrateBps: 48_000, complexity: 5 });
  speech = Array.from({ length: 50 }, (_, frame) => {
    const at = (i: number) => 0.2 * Math.sin((2 * Math.PI * 400 * (frame * 960 + i)) / 48_000);
    return Buffer.from(
      encoder.encode(
        Float32Array.from({ length: 960 }, (_, i) => at(i)),
        false,
      ),
    );
  });
});

const open: Call[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const call of open.splice(0)) await call.mixer.close();
});

/** A room of two who send; the first one is innocent. */
class Call {
  readonly time = new FakeTime();
  readonly events: MediaEvent[] = [];
  readonly video: VideoOutFrame[] = [];
  readonly audio: AudioOutFrame[] = [];
  readonly mixer: RoomMixer;
  private sent = 0;

  private constructor(settings: Partial<MixSettings>) {
    this.mixer = new RoomMixer(
      mixSettings(settings),
      {
        event: (event) => this.events.push(event),
        frame: (frame) => {
          if (frame.kind === 'video-out') this.video.push(frame);
          else if (frame.kind === 'audio-out') this.audio.push(frame);
        },
      },
      this.time,
    );
    open.push(this);
  }

  static async begin(settings: Partial<MixSettings> = {}): Promise<Call> {
    const call = new Call(settings);
    await call.mixer.start();
    call.mixer.setSources([sourceState(GOOD), sourceState(BAD)]);
    runRoomCommand(call.mixer, { type: 'watch', videos: [VP8], audio: true, lowAudio: [] });
    await call.mixer.idle();
    return call;
  }

  /** @param badFrame what the second one sends as its nth frame; by default what the first one sends. */
  async run(ticks: number, badFrame: (n: number) => Buffer | undefined = frameOf): Promise<void> {
    for (let i = 0; i < ticks; i++, this.sent++) {
      this.send(GOOD, frameOf(this.sent));
      this.send(BAD, badFrame(this.sent));
      await this.mixer.idle();
      await this.time.advance(SECOND / 30);
    }
  }

  /** Asserts that the first one is seen and heard on each of the last `ticks`. */
  expectUnharmed(ticks: number): void {
    expect(this.events.filter(({ type }) => type === 'failed')).toEqual([]);
    expect(this.video.length).toBeGreaterThanOrEqual(ticks);
    const mixes = this.audio.filter(({ source }) => source === 0);
    expect(mixes.length).toBeGreaterThanOrEqual(Math.floor((ticks * 50) / 30) - 1);
    expect(this.mixer.snapshot().video.sources.video_frames_decoded).toBeGreaterThanOrEqual(ticks);
  }

  faults(stage: FaultStage): number {
    return this.mixer.snapshot().faults[`source_errors_${stage}`];
  }

  private send(source: SourceId, data: Buffer | undefined): void {
    const arrivalMicros = this.time.now();
    // Fifty packets of audio to thirty frames of video.
    for (let n = packetsBefore(this.sent); n < packetsBefore(this.sent + 1); n++) {
      this.mixer.frame({
        ...{ kind: 'audio-in', source, sequence: n & 0xffff, timestamp: n * 960 },
        ...{ isRepeat: false, isSilent: false, captureMicros: Number.NaN, arrivalMicros },
        data: speech[n % speech.length] as Buffer,
      });
    }
    if (!data) return;
    this.mixer.frame({
      ...{ kind: 'video-in', source, codec: 'vp8', colourSpace: BT601, rotation: 0 },
      ...{ keyframe: ((data[0] as number) & 1) === 0, captureMicros: Number.NaN },
      arrivalMicros,
      data,
    });
  }
}

const packetsBefore = (tick: number) => Math.floor((tick * 50) / 30);

function frameOf(n: number): Buffer {
  return moving[n % moving.length] as Buffer;
}

test('a picture of any size harms nobody, and below 16 pixels a side it is a placeholder', async () => {
  const call = await Call.begin();
  await call.run(5);
  for (const [width, height] of ODD_SIZES) {
    const small = await keyframeOf(width, height);
    const before = call.mixer.snapshot().video.sources.video_pictures_too_small;
    await call.run(3, () => small);
    const after = call.mixer.snapshot().video.sources.video_pictures_too_small;
    expect([width, height, after - before]).toEqual([
      width,
      height,
      Math.min(width, height) < 16 ? 3 : 0,
    ]);
  }
  call.expectUnharmed(ODD_SIZES.length * 3);
  const { faults } = call.mixer.snapshot();
  expect(Object.entries(faults).filter(([, count]) => count > 0)).toEqual([]);
});

/** Breaks a method of every object but the first that it is called on: the innocent one comes first. */
function exceptFirst<T, A extends unknown[], R>(real: (this: T, ...args: A) => R) {
  let innocent: T | undefined;
  return function (this: T, ...args: A): R {
    innocent ??= this;
    if (this !== innocent) throw new Error('broken on purpose');
    return real.apply(this, args);
  };
}

/** How a stage breaks, and its name. */
const BREAKS: Record<string, () => FaultStage> = {
  'decoding throws': () => {
    const real = VideoDecoder.prototype.decode;
    vi.spyOn(VideoDecoder.prototype, 'decode').mockImplementation(exceptFirst(real));
    return 'video_decode';
  },
  'opening a decoder throws': () => {
    const real = VideoDecoder.prototype.decode;
    vi.spyOn(VideoDecoder.prototype, 'decode').mockImplementation(exceptFirst(real));
    vi.spyOn(VideoDecoder, 'open').mockImplementation(async () => {
      throw new Error('no decoder');
    });
    return 'video_decode';
  },
  'choosing a picture throws': () => {
    const real = PictureQueue.prototype.at;
    vi.spyOn(PictureQueue.prototype, 'at').mockImplementation(exceptFirst(real));
    return 'video_timing';
  },
  'scaling throws': () => {
    const real = Scaler.prototype.scale;
    vi.spyOn(Scaler.prototype, 'scale').mockImplementation(exceptFirst(real));
    return 'tile_draw';
  },
  'drawing rejects later': () => {
    const real = TilePicture.prototype.draw;
    let innocent: TilePicture | undefined;
    vi.spyOn(TilePicture.prototype, 'draw').mockImplementation(async function (
      this: TilePicture,
      ...args
    ) {
      innocent ??= this;
      if (this === innocent) return real.apply(this, args);
      await new Promise(setImmediate);
      throw new Error('broken on purpose');
    });
    return 'tile_draw';
  },
  'a voice cannot be decoded': () => {
    const real = AudioSource.prototype.pull;
    vi.spyOn(AudioSource.prototype, 'pull').mockImplementation(exceptFirst(real));
    return 'audio_decode';
  },
  'a decoder gives audio that is no number': () => {
    vi.spyOn(OpusDecoder.prototype, 'decode').mockImplementation(() =>
      new Float32Array(960).fill(Number.NaN),
    );
    return 'audio_decode';
  },
  'a voice cannot be mixed': () => {
    const real = AudioSource.prototype.fadeTo;
    vi.spyOn(AudioSource.prototype, 'fadeTo').mockImplementation(exceptFirst(real));
    return 'audio_mix';
  },
};

for (const [name, breakIt] of Object.entries(BREAKS)) {
  test(`${name}: the tick goes on, and it is counted and told`, async () => {
    const call = await Call.begin();
    await call.run(10);
    const stage = breakIt();
    await call.run(30);
    vi.restoreAllMocks();
    expect(call.events.filter(({ type }) => type === 'failed')).toEqual([]);
    expect(call.faults(stage)).toBeGreaterThan(0);
    const told = call.events.flatMap((event) => (event.type === 'fault' ? [event] : []));
    expect(told.map((fault) => fault.stage)).toContain(stage);
    // Once a second at most for each source, and the stack is there.
    expect(told.length).toBeLessThanOrEqual(2 * 2);
    expect(told[0]?.message).toMatch(/\n +at /);
    expect(call.video.length).toBeGreaterThanOrEqual(38);
    expect(call.audio.filter(({ source }) => source === 0).length).toBeGreaterThanOrEqual(64);
    // It mends: after the longest pause everybody is decoded and heard again.
    await call.run(120);
    const before = call.mixer.snapshot();
    await call.run(30);
    const after = call.mixer.snapshot();
    const decoded = (snapshot: typeof after) => snapshot.video.sources.video_frames_decoded;
    expect(decoded(after) - decoded(before)).toBe(60);
    expect(after.faults).toEqual(before.faults);
    expect(call.events.some(({ type }) => type === 'recovered')).toBe(true);
  });
}

test('texts, images and overlays that cannot be drawn are left out', async () => {
  const call = await Call.begin();
  await call.run(5);
  const context = canvas.createCanvas(1, 1).getContext('2d');
  const prototype = Object.getPrototypeOf(context) as typeof context;
  vi.spyOn(prototype, 'fillText').mockImplementation(() => {
    throw new Error('the font engine broke');
  });
  call.mixer.setSources([sourceState(GOOD, { name: 'New' }), sourceState(BAD, { videoOn: false })]);
  runRoomCommand(call.mixer, {
    type: 'overlays',
    overlays: { title: 'Title', recording: true, clock: { timeZone: 'Europe/Berlin' } },
  });
  runRoomCommand(call.mixer, { type: 'image', name: 'room/logo', data: 'bm90IGFuIGltYWdl' });
  await call.run(10);
  expect(call.faults('label')).toBeGreaterThan(0);
  expect(call.faults('placeholder')).toBe(1);
  expect(call.faults('overlay')).toBe(3);
  expect(call.faults('image')).toBe(1);
  expect(call.events.filter(({ type }) => type === 'failed')).toEqual([]);
  expect(call.video.length).toBeGreaterThanOrEqual(14);
});

test('an encode that breaks starts again with a keyframe, and a command that throws is told', async () => {
  const call = await Call.begin();
  await call.run(5);
  const real = VideoEncoder.prototype.encode;
  let broken = 0;
  vi.spyOn(VideoEncoder.prototype, 'encode').mockImplementation(function (
    this: VideoEncoder,
    ...args
  ) {
    if (broken++ === 3) throw new Error('broken on purpose');
    return real.apply(this, args);
  });
  const from = call.video.length;
  await call.run(30);
  expect(call.faults('video_encode')).toBe(1);
  const frames = call.video.slice(from);
  expect(frames.length).toBeGreaterThanOrEqual(28);
  expect(frames.filter(({ keyframe }) => keyframe).length).toBeGreaterThan(0);
  const states = undefined as unknown as [];
  runRoomCommand(call.mixer, { type: 'sources', sources: states });
  expect(call.faults('command')).toBe(1);
  await call.run(5);
  call.expectUnharmed(35);
});

test('ticks that fail for a second give the process up, and not before', async () => {
  const call = await Call.begin();
  await call.run(5);
  vi.spyOn(Picture.prototype, 'fill').mockImplementation(() => {
    throw new Error('broken on purpose');
  });
  runRoomCommand(call.mixer, { type: 'arrange', layout: { mode: 'speaker', pinned: [] } });
  call.mixer.setSources([sourceState(GOOD), sourceState(BAD), sourceState(3)]);
  const failed = () => call.events.filter(({ type }) => type === 'failed').length;
  await call.run(20);
  expect(call.faults('tick')).toBeGreaterThan(10);
  expect(failed()).toBe(0);
  await call.run(20);
  expect(failed()).toBeGreaterThan(0);
});

test('a sender over the pixel budget is shown at fewer frames, and everybody else in full', async () => {
  const pixels = 320 * 192;
  const call = await Call.begin({ pixelRates: { source: 40 * pixels, room: 100 * pixels } });
  const large = await encodeSized('vp8', [1280, 720], 30);
  const frameAt = (n: number) => large[n % large.length] as Buffer;
  await call.run(90, frameAt);
  const before = call.mixer.snapshot().video.sources;
  await call.run(60, frameAt);
  const after = call.mixer.snapshot().video.sources;
  const told = call.events.flatMap((event) =>
    event.type === 'over-budget' ? [event.sources] : [],
  );
  expect(told).toEqual([[BAD]]);
  // Of the large one two keyframes, of the other all 60 frames.
  expect(after.video_frames_decoded - before.video_frames_decoded).toBe(62);
  expect(after.video_frames_dropped_budget - before.video_frames_dropped_budget).toBe(58);
  const asked = call.events.filter(({ type }) => type === 'keyframe-needed').length;
  expect(asked).toBeLessThan(12);
  // It sends less: after five seconds it is shown in full.
  await call.run(240);
  expect(
    call.events.flatMap((event) => (event.type === 'over-budget' ? [event.sources] : [])),
  ).toEqual([[BAD], []]);
});

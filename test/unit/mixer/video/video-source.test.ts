/** Which picture a tick shows, on a fake clock with real frames and a real decoder. */
import { expect, test, vi } from 'vitest';
import { type LayerName, loadFixtures } from '../../../../scripts/fixtures.js';
import { randomFrom } from '../../../../src/bots/random.js';
import { splitAnnexB } from '../../../../src/codecs/annex-b.js';
import type { Picture } from '../../../../src/codecs/ffmpeg/picture.js';
import type { VideoInFrame } from '../../../../src/link/link-messages.js';
import { TickPhase } from '../../../../src/mixer/video/tick-phase.js';
import { VideoSource, videoSourceCounters } from '../../../../src/mixer/video/video-source.js';
import type { VideoCodec } from '../../../../src/protocol/codec-names.js';
import { BT601 } from '../../../../src/rtp/colour-space.js';
import type { FrameSize } from '../../../../src/util/frame-size.js';
import type { Micros } from '../../../../src/util/units.js';
import { encodeMoving } from '../../../support/encoded.js';
import { lumaError } from '../../../support/psnr.js';

const failed = (error: unknown) => {
  throw error;
};
const inNative = <T>(call: (alone: boolean) => Promise<T>) => call(false);

const TICK = 1_000_000 / 30;
const START = 10_000_000;
const PATIENCE = { timeout: 30_000 };

interface Watched {
  /** New pictures that each tick found. */
  readonly shown: number[];
  /** How long each of them had waited, in microseconds. */
  readonly waits: number[];
  /** What each tick showed, if it was asked for; the caller's. */
  readonly pictures: Picture[];
}

interface WatchedCamera {
  readonly layer: LayerName;
  readonly tile: FrameSize;
  readonly keepsPictures: boolean;
}

const SMALL: WatchedCamera = {
  layer: 'l',
  tile: { width: 320, height: 180 },
  keepsPictures: false,
};

function frameOf(
  codec: VideoCodec,
  data: Buffer,
  keyframe: boolean,
  arrivalMicros: Micros,
): VideoInFrame {
  return {
    kind: 'video-in',
    source: 1,
    codec,
    keyframe,
    colourSpace: BT601,
    rotation: 0,
    arrivalMicros,
    captureMicros: Number.NaN,
    data,
  };
}

/** @param arrivalOf the moment that frame n is decoded. */
async function watch(
  arrivalOf: (n: number) => number,
  ticks: number,
  { layer, tile, keepsPictures } = SMALL,
): Promise<Watched> {
  const frames = (await loadFixtures()).video[layer];
  const counters = videoSourceCounters();
  let now = START;
  let onDecoded = () => {};
  const source = new VideoSource(
    {
      keyframeNeeded: () => {},
      corrupt: () => {},
      took: (stage, micros) => {
        if (stage === 'wait') waits.push(micros);
        if (stage === 'decode') onDecoded();
      },
      failed,
      arrived: () => {},
    },
    { counters, now: () => now, dueTime: (_capture, at) => at, inNative },
  );
  const shown: number[] = [];
  const pictures: Picture[] = [];
  const waits: number[] = [];
  let [next, generation] = [0, 0];
  for (let tick = 1; tick <= ticks; tick++) {
    const due = START + tick * TICK;
    for (; START + arrivalOf(next) <= due; next++) {
      now = START + arrivalOf(next);
      const before = counters.video_frames_decoded;
      const done = new Promise<void>((resolve) => {
        onDecoded = resolve;
      });
      const data = frames[next % frames.length] as Buffer;
      source.push(frameOf('vp8', data, next % frames.length === 0, now));
      if (counters.video_frames_decoded === before) await done;
      // What follows a decode in the same turn.
      await new Promise(setImmediate);
    }
    now = due;
    source.setShown(tile, TICK);
    const picture = source.pictureAt(due);
    if (picture && keepsPictures) pictures.push(picture.share());
    shown.push(source.generation - generation);
    generation = source.generation;
  }
  await source.close();
  return { shown, waits, pictures };
}

test('a camera that is in phase with the ticks, give or take its jitter, loses no picture', async () => {
  for (const phase of [0, 0.33, 0.5, 0.9]) {
    const jitter = (n: number) => (n % 3) * 2000 - 2000;
    const { shown } = await watch((n) => (n + 1 + phase) * TICK + jitter(n), 120);
    const settled = shown.slice(40);
    expect(settled.filter((count) => count !== 1).length, `phase ${phase}: ${shown}`).toBe(0);
  }
});

test('the extra wait ends when the camera is out of phase with the ticks', async () => {
  const settlesAt = 90;
  const { shown, waits } = await watch((n) => {
    const jitter = n < settlesAt ? (n % 3) * 2000 - 2000 : 0;
    return (n + 1) * TICK + jitter - (n < settlesAt ? 0 : 8000);
  }, 240);
  // While it is in step every picture waits for the next tick.
  expect(Math.min(...waits.slice(40, settlesAt - 5))).toBeGreaterThan(TICK - 2500);
  expect(shown.slice(40, settlesAt - 5).every((count) => count === 1)).toBe(true);
  expect(Math.max(...waits.slice(-50))).toBeLessThan(8500);
  expect(shown.slice(40).filter((count) => count !== 1).length).toBeLessThanOrEqual(2);
});

test('a camera with a slightly faster clock loses few pictures while it overtakes the ticks', async () => {
  const jitter = (n: number) => ((n * 7) % 5) * 1000 - 2000;
  const { shown } = await watch((n) => ((n + 1) * TICK) / 1.001 + jitter(n), 1500);
  // Overtaking takes four seconds, most of whose pictures would be none or two.
  const uneven = shown.slice(40).filter((count) => count !== 1).length;
  expect(uneven, `${shown}`).toBeLessThanOrEqual(30);
});

test('an uneven camera is rarely delayed', () => {
  let [later, ticks] = [0, 0];
  for (const seed of [1, 2, 3]) {
    const random = randomFrom(seed);
    const dues = Array.from({ length: 3000 }, (_, n) => (n + 2 * random()) * TICK);
    dues.sort((a, b) => a - b);
    const phase = new TickPhase();
    for (let tick = 1; tick < 3000; tick++, ticks++) {
      while ((dues[0] as number) <= tick * TICK) phase.add(dues.shift() as number);
      phase.tick(tick * TICK, TICK, TICK);
      if (phase.lag > 0) later++;
    }
  }
  expect(later / ticks).toBeLessThan(0.35);
});

test('a tile that shrinks its pictures leaves out the loop filter in frames that no other needs', async () => {
  const picturesIn = (width: number, height: number) => {
    const camera = { layer: 'h', tile: { width, height }, keepsPictures: true } as const;
    return watch((n) => (n + 0.5) * TICK, 24, camera);
  };
  const whole = await picturesIn(1280, 720);
  const shrunk = await picturesIn(640, 360);
  const nearly = await picturesIn(1024, 576);
  const errors = ({ pictures }: Watched) =>
    whole.pictures.map((picture, i) => lumaError(picture, pictures[i] as Picture));
  expect(errors(nearly).every((error) => error === 0)).toBe(true);
  const changed = errors(shrunk).map((error) => error > 0);
  expect(changed.filter(Boolean).length).toBeGreaterThan(6);
  // Frame by frame: the next is predicted from one that is whole.
  expect(changed.some((now, i) => now && changed[i + 1])).toBe(false);
  for (const { pictures } of [whole, shrunk, nearly]) {
    for (const picture of pictures) picture[Symbol.dispose]();
  }
});

test('a keyframe is requested after a corrupt one, at any frame rate of the tile', async () => {
  const [good, count] = [20, 40];
  const frames = await encodeMoving('h264', count, good);
  splitAnnexB(frames[good] as Buffer)
    .at(-1)
    ?.fill(0xa5, 1);
  for (const interval of [TICK, 3 * TICK]) {
    const counters = videoSourceCounters();
    let [now, asked] = [START, 0];
    const source = new VideoSource(
      {
        keyframeNeeded: () => asked++,
        corrupt: () => {},
        took: () => {},
        failed,
        arrived: () => {},
      },
      { counters, now: () => now, dueTime: (_capture, at) => at, inNative },
    );
    const push = async (data: Buffer, keyframe: boolean) => {
      now += TICK;
      source.push(frameOf('h264', data, keyframe, now));
      source.setShown(SMALL.tile, interval);
      // As frames come: never in the turn of another.
      do await new Promise(setImmediate);
      while (source.queued > 0);
    };
    for (const [i, data] of frames.entries()) await push(data, i % good === 0);
    await vi.waitUntil(() => asked > 0, PATIENCE);
    expect(counters).toMatchObject({ video_frames_decoded: good, video_frames_corrupt: 1 });
    await push(frames[0] as Buffer, true);
    await vi.waitUntil(() => counters.video_frames_decoded === good + 1, PATIENCE);
    await source.close();
  }
});

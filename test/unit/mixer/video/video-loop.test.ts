/** The video loop with real codecs on a clock that the test moves. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import type {
  SourceId,
  SourceState,
  TilePlace,
  VideoOutFrame,
  WatchedVideo,
} from '../../../../src/link/link-messages.js';
import { LOAD_STEPS } from '../../../../src/link/load-steps.js';
import { SourceTable } from '../../../../src/mixer/source-table.js';
import { VideoLoop } from '../../../../src/mixer/video/video-loop.js';
import { BT601 } from '../../../../src/rtp/colour-space.js';
import { StageTimes } from '../../../../src/util/stage-times.js';
import { encodeMoving } from '../../../support/encoded.js';
import { FakeTime, mixSettings, noFaults, sourceState } from '../../../support/fake-mixer.js';

const SECOND = 1_000_000;
const VP8: WatchedVideo = { codec: 'vp8', rendition: 0 };
const OWN: WatchedVideo = {
  codec: 'vp8',
  rendition: 1,
  own: { width: 320, height: 320, frameRate: 30, bitrateBps: 200_000 },
};
let moving: Buffer[] = [];

beforeAll(async () => {
  moving = await encodeMoving('vp8', 10);
});

class Room {
  readonly time = new FakeTime();
  readonly frames: VideoOutFrame[] = [];
  readonly layouts: TilePlace[][] = [];
  readonly loads: string[][] = [];
  /** Sources that were asked for a keyframe. */
  readonly asked: SourceId[] = [];
  readonly speech = { speakers: new Set<SourceId>(), dominant: undefined };
  readonly sources: SourceTable;
  readonly loop: VideoLoop;

  constructor() {
    const failed = (error: unknown) => {
      throw error;
    };
    const stages = new StageTimes();
    const now = () => this.time.now();
    const keyframeNeeded = (source: SourceId) => this.asked.push(source);
    this.sources = new SourceTable(
      { keyframeNeeded, corrupt: () => {}, overBudget: () => {} },
      stages,
      noFaults(),
      mixSettings().pixelRates,
      now,
    );
    this.loop = new VideoLoop(
      mixSettings(),
      this.sources,
      this.speech,
      {
        frame: (frame) => this.frames.push(frame),
        layout: (tiles) => this.layouts.push([...tiles]),
        load: (steps) => this.loads.push([...steps]),
        hung: (source) => failed(new Error(`the decoder of ${source} hangs`)),
        failed,
      },
      stages,
      noFaults(),
      this.time,
    );
    this.loop.startTicks();
    rooms.push(this);
  }

  setSources(...states: SourceState[]): void {
    this.sources.update(states);
  }

  /** Frames that were encoded in the next `micros`. */
  async encodedIn(micros: number): Promise<VideoOutFrame[]> {
    const from = this.frames.length;
    await this.time.advance(micros);
    return this.frames.slice(from);
  }

  /** Sends a source's frame number `n`. */
  async send(source: SourceId, n: number): Promise<void> {
    this.loop.push({
      kind: 'video-in',
      source,
      codec: 'vp8',
      keyframe: n % moving.length === 0,
      colourSpace: BT601,
      rotation: 0,
      arrivalMicros: this.time.now(),
      captureMicros: Number.NaN,
      data: moving[n % moving.length] as Buffer,
    });
    await this.sources.idle();
  }

  async close(): Promise<void> {
    await this.loop.stop();
    await this.sources.close();
    this.loop.close();
  }
}

const rooms: Room[] = [];
afterEach(async () => {
  for (const room of rooms.splice(0)) await room.close();
});

test('nothing is composed until somebody watches; then sources start with keyframes', async () => {
  const room = new Room();
  room.setSources(sourceState(1), sourceState(2));
  await room.time.advance(SECOND);
  expect(room.frames).toEqual([]);
  await room.send(1, 0);
  expect(room.loop.snapshot().loop).toEqual({ video_ticks: 0, video_frames_not_shown: 1 });
  room.loop.watch([VP8]);
  expect(room.asked).toEqual([1, 2]);
  const [first] = await room.encodedIn(SECOND / 30);
  expect(first).toMatchObject({ codec: 'vp8', rendition: 0, keyframe: true });
});

test('a composite that does not change is encoded once a second', async () => {
  const room = new Room();
  room.setSources(sourceState(1, { videoOn: false }));
  room.loop.watch([VP8]);
  await room.time.advance(SECOND / 2);
  expect(await room.encodedIn(5 * SECOND)).toHaveLength(5);
  const { composite, loop } = room.loop.snapshot();
  expect(loop.video_ticks).toBeGreaterThan(150);
  const [encodes] = composite.encodes;
  expect(composite.encodes).toHaveLength(1);
  expect(encodes).toMatchObject({ codec: 'vp8', rendition: 0, frames: room.frames.length });
  expect(encodes?.bytes).toBe(room.frames.reduce((sum, { data }) => sum + data.length, 0));
  expect(composite.keyframes.keyframes_of_encoder).toBe(1);
});

test('each new picture is composed and encoded, until the camera is silent for 3 s', async () => {
  const room = new Room();
  room.setSources(sourceState(1));
  room.loop.watch([VP8]);
  await room.time.advance(SECOND / 2);
  let encoded = 0;
  for (let n = 0; n < 30; n++) {
    await room.send(1, n);
    encoded += (await room.encodedIn(SECOND / 30)).length;
  }
  expect(encoded).toBeGreaterThanOrEqual(29);
  expect(room.loop.snapshot().sources).toMatchObject({
    video_frames_decoded: 30,
    video_frames_corrupt: 0,
    video_freezes: 0,
  });
  // Two keep-alive frames, the placeholder, and the first keep-alive frame after it.
  expect(await room.encodedIn(2.5 * SECOND)).toHaveLength(2);
  expect((await room.encodedIn(SECOND)).length).toBeGreaterThanOrEqual(1);
  // Back again, it continues from the frame that it left off with.
  await room.send(1, 30);
  expect((await room.encodedIn(SECOND / 30)).length).toBe(1);
});

test('a layout is reported once; a source that gets a tile starts with a keyframe', async () => {
  const room = new Room();
  room.setSources(sourceState(1), sourceState(2), sourceState(3, { visible: false }));
  room.loop.watch([VP8]);
  await room.time.advance(SECOND);
  expect(room.layouts).toHaveLength(1);
  expect(room.layouts[0]?.map(({ source }) => source)).toEqual([1, 2]);
  room.loop.setLayout({ mode: 'spotlight', pinned: [2] });
  await room.time.advance(SECOND);
  expect(room.layouts.map((tiles) => tiles.map(({ source }) => source))).toEqual([[1, 2], [2]]);
  room.asked.length = 0;
  const dropped = room.loop.snapshot().loop.video_frames_not_shown;
  await room.send(1, 0);
  expect(room.loop.snapshot().loop.video_frames_not_shown).toBe(dropped + 1);
  room.loop.setLayout({ mode: 'grid', pinned: [] });
  await room.time.advance(SECOND);
  expect(room.asked).toEqual([1]);
  expect(room.layouts).toHaveLength(3);
});

test('another shape gets a canvas of its own for as long as it is watched', async () => {
  const room = new Room();
  room.setSources(sourceState(1, { videoOn: false }));
  room.loop.watch([VP8, OWN]);
  await room.time.advance(SECOND / 10);
  expect(new Set(room.frames.map(({ rendition }) => rendition))).toEqual(new Set([0, 1]));
  room.loop.watch([VP8]);
  room.loop.requestKeyframe(OWN, true);
  const later = await room.encodedIn(3 * SECOND);
  expect(later.map(({ rendition }) => rendition)).toEqual([0, 0, 0]);
  // What was encoded stays counted.
  const { encodes } = room.loop.snapshot().composite;
  expect(encodes.map(({ rendition, frames }) => [rendition, frames > 0])).toEqual([
    [0, true],
    [1, true],
  ]);
});

test('load steps that the server asks for lower the frame rate, and go again', async () => {
  const room = new Room();
  room.setSources(sourceState(1));
  room.loop.watch([VP8]);
  const ticksIn = async (micros: number) => {
    const before = room.loop.snapshot().loop.video_ticks;
    await room.time.advance(micros);
    return room.loop.snapshot().loop.video_ticks - before;
  };
  expect(Math.abs((await ticksIn(SECOND)) - 30)).toBeLessThanOrEqual(1);
  room.loop.setLoadFloor(LOAD_STEPS.length);
  expect(room.loads).toEqual([['late_tiles', 'frame_rate_20', 'frame_rate_15', 'listeners_5']]);
  expect(room.loop.snapshot().load.load_level).toBe(4);
  expect(Math.abs((await ticksIn(SECOND)) - 15)).toBeLessThanOrEqual(1);
  room.loop.setLoadFloor(0);
  expect(room.loads.at(-1)).toEqual([]);
  expect(Math.abs((await ticksIn(SECOND)) - 30)).toBeLessThanOrEqual(1);
});

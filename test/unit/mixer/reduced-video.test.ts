/**
 * What load control (`load-steps.ts`) takes from the video: people who do not speak are shown five
 * times a second, and tiles that there is no time to draw keep their picture.
 */
import { afterEach, expect, test } from 'vitest';
import { CANVAS, readBarcode, tilesOf } from '../../../scripts/barcode.js';
import { type Fixtures, FRAME_RATE, loadFixtures } from '../../../scripts/fixtures.js';
import { Picture } from '../../../src/codecs/ffmpeg/picture.js';
import { VideoDecoder } from '../../../src/codecs/ffmpeg/video-decoder.js';
import type { MediaEvent, VideoOutFrame } from '../../../src/link/link-messages.js';
import { LOAD_STEPS } from '../../../src/link/load-steps.js';
import { runRoomCommand } from '../../../src/mixer/room-commands.js';
import { RoomMixer } from '../../../src/mixer/room-mixer.js';
import { RoomImages } from '../../../src/mixer/tiles/room-images.js';
import type { TileContent } from '../../../src/mixer/tiles/tile-content.js';
import { Canvas } from '../../../src/mixer/video/canvas.js';
import { CompositeCounters } from '../../../src/mixer/video/composite-counters.js';
import { BT601 } from '../../../src/rtp/colour-space.js';
import { nowMicros } from '../../../src/util/clock.js';
import { FakeTime, mixSettings, noFaults, sourceState } from '../../support/fake-mixer.js';

const COUNT = 4;
const SETTINGS = mixSettings({
  ...CANVAS,
  frameRate: FRAME_RATE,
  renditions: [{ ...CANVAS, frameRate: FRAME_RATE, bitrateBps: 2_000_000 }],
  labels: false,
});
const WATCHED = { codec: 'h264', rendition: 0 } as const;
const TICK = 20_000;

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

/** Four people with cameras on a clock that the test moves; the first one talks. */
class Room {
  readonly frames: Buffer[] = [];
  readonly events: MediaEvent[] = [];
  readonly time = new FakeTime();
  readonly mixer = new RoomMixer(
    SETTINGS,
    {
      frame: (frame) => {
        if (frame.kind === 'video-out') this.frames.push(frame.data);
      },
      event: (event) => this.events.push(event),
    },
    this.time,
  );
  private readonly ids = Array.from({ length: COUNT }, (_, index) => index + 1);
  private elapsed = 0;
  private sentVideo = 0;
  private sentAudio = 0;

  private constructor(private readonly fixtures: Fixtures) {}

  static async start(): Promise<Room> {
    const room = new Room(await loadFixtures());
    const { mixer, ids } = room;
    await mixer.start();
    open.push({ close: () => mixer.close() });
    runRoomCommand(mixer, { type: 'sources', sources: ids.map((id) => sourceState(id)) });
    runRoomCommand(mixer, { type: 'watch', videos: [WATCHED], audio: true, lowAudio: [] });
    await mixer.idle();
    return room;
  }

  get decoded(): number {
    return this.mixer.snapshot().video.sources.video_frames_decoded;
  }

  async run(seconds: number): Promise<void> {
    const end = this.elapsed + seconds * 1_000_000;
    for (; this.elapsed < end; this.elapsed += TICK / 2) {
      while (this.sentVideo * (1_000_000 / FRAME_RATE) <= this.elapsed) this.sendVideo();
      while (this.sentAudio * TICK <= this.elapsed) this.sendAudio();
      await this.mixer.idle();
      await this.time.advance(TICK / 2);
    }
  }

  private sendVideo(): void {
    const { m: frames } = this.fixtures.video;
    const at = this.sentVideo++ % frames.length;
    for (const source of this.ids) {
      this.mixer.frame({
        ...this.head(source),
        kind: 'video-in',
        codec: 'vp8',
        keyframe: at === 0,
        colourSpace: BT601,
        rotation: 0,
        data: frames[at] as Buffer,
      });
    }
  }

  private sendAudio(): void {
    const sequence = this.sentAudio++;
    for (const source of this.ids) {
      const packets = source === 1 ? this.fixtures.talk : this.fixtures.quiet;
      this.mixer.frame({
        ...this.head(source),
        kind: 'audio-in',
        sequence: sequence & 0xffff,
        timestamp: sequence * 960,
        isRepeat: false,
        isSilent: false,
        data: packets[sequence % packets.length] as Buffer,
      });
    }
  }

  private head(source: number) {
    return { source, arrivalMicros: this.time.now(), captureMicros: Number.NaN };
  }
}

/** Different pictures per second that each tile showed in the frames of the next `seconds`. */
async function ratesOf(room: Room, seconds: number): Promise<number[]> {
  using decoder = await VideoDecoder.open('h264');
  const shown = new Array<number>(COUNT).fill(0);
  const last = new Array<number>(COUNT).fill(-1);
  const from = room.frames.length;
  await room.run(seconds);
  // From the first frame on: it is the only keyframe.
  for (const [n, data] of room.frames.entries()) {
    const picture = await decoder.decode(data);
    if (!picture || picture === 'corrupt') throw new Error('the composite cannot be decoded');
    for (let index = 0; index < COUNT; index++) {
      const code = readBarcode(picture, COUNT, index);
      if (code < 0 || code === last[index]) continue;
      last[index] = code;
      if (n >= from) shown[index] = (shown[index] as number) + 1;
    }
    picture[Symbol.dispose]();
  }
  return shown.map((count) => count / seconds);
}

test('with all load steps the speaker keeps moving and listeners are shown five times a second', async () => {
  const room = await Room.start();
  await room.run(1);
  expect(room.events).toContainEqual({ type: 'speaking', sources: [1] });
  const decodedAtFirst = room.decoded;
  const before = await ratesOf(room, 4);
  const decodedBefore = room.decoded - decodedAtFirst;
  for (const rate of before) expect(rate).toBeGreaterThan(8);
  runRoomCommand(room.mixer, { type: 'load', floor: LOAD_STEPS.length });
  expect(room.events.at(-1)).toMatchObject({
    type: 'load',
    steps: ['late_tiles', 'frame_rate_20', 'frame_rate_15', 'listeners_5'],
  });
  await room.run(1);
  const decodedThen = room.decoded;
  const [speaker = 0, ...listeners] = await ratesOf(room, 4);
  // No other frame needs every second one, and nobody would see it: it is not decoded.
  expect(room.decoded - decodedThen).toBeLessThan(0.65 * decodedBefore);
  console.log(`speaker ${speaker}/s, the others ${listeners.join(', ')}/s; before ${before}`);
  expect(speaker).toBeGreaterThan(8);
  expect(speaker).toBeLessThanOrEqual(15.5);
  for (const rate of listeners) {
    expect(rate).toBeGreaterThanOrEqual(3);
    expect(rate).toBeLessThanOrEqual(5.5);
  }
}, 60_000);

test('late tiles keep their picture and take turns; speakers come first', async () => {
  const frames: VideoOutFrame[] = [];
  const counters = new CompositeCounters();
  const events = {
    frame: (frame: VideoOutFrame) => frames.push(frame),
    encoded: () => {},
  };
  const canvas = new Canvas(SETTINGS, new RoomImages(), events, counters, noFaults());
  open.push({ close: () => canvas.dispose() });
  using decoder = await VideoDecoder.open('h264');
  await canvas.watch([WATCHED]);
  const layout = { mode: 'grid', pinned: [] } as const;
  const ids = [1, 2, 3, 4];
  canvas.plan({
    sources: ids.map((id) => ({ id, identity: `${id}`, kind: 'camera' as const })),
    dominant: undefined,
    layout,
    now: nowMicros(),
  });
  const lumas = [60, 100, 140, 180, 220];

  /** Gives every source a new picture. Returns the generation that each tile shows then. */
  const tick = async (
    generation: number,
    maxTiles: number,
    speaker?: number,
  ): Promise<number[]> => {
    using picture = Picture.allocate(640, 360);
    picture.fill({ x: 0, y: 0, width: 640, height: 360 }, [lumas[generation] as number, 128, 128]);
    const contents = ids.map(
      (id): TileContent => ({
        id,
        label: { name: `${id}`, muted: false, trouble: false, screen: false },
        speaking: id === speaker,
        picture,
        generation,
        avatar: undefined,
      }),
    );
    const { changed } = await canvas.draw(contents, layout, maxTiles);
    await canvas.encode(nowMicros(), changed);
    const decoded = await decoder.decode(frames.at(-1)?.data as Buffer);
    if (!decoded || decoded === 'corrupt') throw new Error('the composite cannot be decoded');
    using shown = decoded;
    const [plane, stride] = [shown.planes[0] as Buffer, shown.strides[0] as number];
    return tilesOf(ids.length).map(({ x, y, width, height }) => {
      const at = plane[(y + height / 2) * stride + x + width / 2] as number;
      return lumas.findIndex((luma) => Math.abs(luma - at) < 15);
    });
  };

  expect(await tick(0, 4)).toEqual([0, 0, 0, 0]);
  expect(await tick(1, 1, 3)).toEqual([0, 0, 1, 0]);
  expect(counters.snapshot().canvases.video_tiles_late).toBe(3);
  // Tiles that waited are drawn first, though the third has a new picture again.
  const shown = [await tick(2, 2), await tick(3, 2), await tick(4, 4)];
  expect(shown[0]?.filter((generation) => generation === 2)).toHaveLength(2);
  expect(shown[0]?.[2]).toBe(1);
  const late = shown[0]?.findIndex((generation, i) => generation < 2 && i !== 2) as number;
  expect(shown[1]?.[late]).toBe(3);
  expect(shown[2]).toEqual([4, 4, 4, 4]);
}, 30_000);

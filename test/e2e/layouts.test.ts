/**
 * Every layout with 1 to 49 people, as a libwebrtc viewer decodes it: each tile has the colour of its
 * participant where the region map says that it is, and nothing of it is elsewhere.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { Picture } from '../../src/codecs/ffmpeg/picture.js';
import { VideoEncoder } from '../../src/codecs/ffmpeg/video-encoder.js';
import { FRAME_SAMPLES, OpusEncoder } from '../../src/codecs/opus/opus.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { fitInside } from '../../src/mixer/tiles/picture-fit.js';
import { LAYOUT_MODES, type LayoutMode } from '../../src/protocol/layout.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

const ROOM = 'layouts';
const COUNTS = [1, 2, 3, 5, 9, 16, 25, 49];
/** Pixels inside an edge at which a tile's colour is asked for: a chroma sample and its blur. */
const INSIDE = 6;
const [WIDTH, HEIGHT] = [1280, 720];
/** Pixels on both sides of an edge that are looked at. */
const REACH = 6;
/** Colours that differ in chroma alone: seven by seven. */
const CHROMA = [56, 80, 104, 128, 152, 176, 200];

/** Is white. */
const SCREEN = 100;

let server: TestServer;
let viewer: Bot;
let screenPayloads: Buffer[] = [];
let sharing = false;
const people: { readonly client: RtpClient; readonly payloads: Buffer[]; readonly id: string }[] =
  [];
let timer: NodeJS.Timeout;
let ticks = 0;

async function encodeColour(index: number): Promise<Buffer[]> {
  return encodePicture([120, CHROMA[index % 7] ?? 0, CHROMA[Math.floor(index / 7)] ?? 0]);
}

async function encodePicture(yuv: readonly [number, number, number]): Promise<Buffer[]> {
  const size = { width: 320, height: 180, frameRate: 5, bitrateBps: 100_000 };
  using encoder = await VideoEncoder.open({ codec: 'vp8', ...size });
  using picture = Picture.allocate(size.width, size.height);
  picture.fill({ x: 0, y: 0, width: size.width, height: size.height }, yuv);
  const [frame] = await encoder.encode(picture, 0, true);
  return packetizeVp8(frame?.data ?? Buffer.alloc(0), 0);
}

/** Which person's colour it is; -1 for the background, SCREEN for the shared screen. */
function personOf([red, green, blue]: readonly [number, number, number]): number {
  const luma = 0.257 * red + 0.504 * green + 0.098 * blue + 16;
  if (luma < 60) return -1;
  if (luma > 165) return SCREEN;
  const u = 128 - 0.148 * red - 0.291 * green + 0.439 * blue;
  const v = 128 + 0.439 * red - 0.368 * green - 0.071 * blue;
  const nearest = (value: number) =>
    CHROMA.reduce(
      (best, one, index) =>
        Math.abs(one - value) < Math.abs((CHROMA[best] ?? 0) - value) ? index : best,
      0,
    );
  return nearest(u) + 7 * nearest(v);
}

/** Three places, one over another. */
const CUSTOM = {
  background: '#090909',
  regions: [
    { x: 0, y: 0, width: 0.7, height: 1, role: 'speaker' },
    { x: 0.75, y: 0.55, width: 0.225, height: 0.4, role: 'participant', fit: 'crop' },
    { x: 0.55, y: 0.1, width: 0.3, height: 0.3, role: 'participant', z: 1, fit: 'crop' },
  ],
};

interface Region {
  readonly participant: string;
  readonly source: string;
  readonly fit: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const api = (method: string, path: string, body?: unknown) =>
  callApi(server, method, `/rooms/${ROOM}${path}`, { body });

async function fill(count: number): Promise<void> {
  while (people.length < count) {
    const name = `P${people.length}`;
    const payloads = await encodeColour(people.length);
    const screen = people.length === 0;
    const options = { url: server.signalUrl, room: ROOM, name, receive: false, screen };
    const client = await RtpClient.join(options);
    // They send no sound: a microphone that is on would get its tile a mark after five seconds.
    client.send({ type: 'mute', mic: false });
    const { body } = await api('GET', '/participants');
    const id = body.find((one: { name: string }) => one.name === name).id;
    people.push({ client, payloads, id });
  }
}

beforeAll(async () => {
  server = await TestServer.start();
  screenPayloads = await encodePicture([225, 128, 128]);
  viewer = await Bot.join(server, { room: ROOM, name: 'Viewer', viewer: true });
  // Keyframes alone, a few a second: a new tile shows its picture at once.
  timer = setInterval(() => {
    ticks++;
    for (const { client, payloads } of people) client.sendRtp('video', payloads, ticks * 30_000);
    if (sharing) people[0]?.client.sendRtp('screen', screenPayloads, ticks * 30_000);
  }, 333);
});
afterAll(async () => {
  clearInterval(timer);
  await Promise.all(people.map(({ client }) => client.close()));
  viewer?.kill();
  await server?.close();
});

const expected = (mode: LayoutMode, count: number) =>
  ({
    grid: count,
    speaker: Math.min(count, 7),
    presentation: 1 + Math.min(count, 6),
    spotlight: 1,
    pip: Math.min(count, 2),
    custom: Math.min(count, 3),
  })[mode];

/** Colours in the middle and just inside the corners of a region, but for the label's. */
async function seenIn({ x, y, width, height }: Region): Promise<number[]> {
  const [dx, dy] = [INSIDE / WIDTH, INSIDE / HEIGHT];
  const points = [
    [x + width / 2, y + height / 2],
    [x + dx, y + dy],
    [x + width - dx, y + dy],
    [x + width - dx, y + height - dy],
  ] as const;
  const seen: number[] = [];
  for (const [px, py] of points) seen.push(personOf(await viewer.colourAt(px, py)));
  return seen;
}

const isCovered = (region: Region, by: readonly Region[]) =>
  by.some(
    (one) =>
      one.x < region.x + region.width &&
      region.x < one.x + one.width &&
      one.y < region.y + region.height &&
      region.y < one.y + one.height,
  );

/** Where the picture is in its tile: all of the sources are 16:9. */
function pictureIn(region: Region): Region {
  if (region.fit === 'crop') return region;
  const { x, y, width, height } = region;
  const tile = { x: x * WIDTH, y: y * HEIGHT, width: width * WIDTH, height: height * HEIGHT };
  const inside = fitInside({ width: 16, height: 9 }, tile);
  return {
    ...region,
    x: inside.x / WIDTH,
    y: inside.y / HEIGHT,
    width: inside.width / WIDTH,
    height: inside.height / HEIGHT,
  };
}

/** The region map, if each tile on it has the colour of its participant. */
async function matching(mode: LayoutMode, count: number): Promise<Region[] | undefined> {
  const found: Region[] = (await api('GET', '/layout')).body.regions.map(pictureIn);
  if (found.length !== expected(mode, count)) return undefined;
  for (const [index, region] of found.entries()) {
    const isScreen = region.source === 'screen_share';
    const owner = people.findIndex(({ id }) => id === region.participant);
    const person = isScreen ? SCREEN : owner;
    const [middle, topLeft, ...others] = await seenIn(region);
    const covered = isCovered(region, found.slice(index + 1));
    const seen = covered ? [middle, topLeft] : [middle, topLeft, ...others];
    if (!seen.every((one) => one === person)) return undefined;
  }
  return found;
}

/** Edges with free background beside them that are not within 2 pixels of the map's. */
async function wrongEdges(region: Region, others: readonly Region[]): Promise<string[]> {
  const wrong: string[] = [];
  const { x, y, width, height } = region;
  const [middleX, middleY] = [x + width / 2, y + height * 0.4];
  const edges = [
    { at: [x, middleY], out: [-1, 0] },
    { at: [x + width, middleY], out: [1, 0] },
    { at: [middleX, y], out: [0, -1] },
    { at: [middleX, y + height], out: [0, 1] },
  ] as const;
  for (const { at, out } of edges) {
    const step = [out[0] / WIDTH, out[1] / HEIGHT] as const;
    const point = (distance: number) =>
      [at[0] + step[0] * distance, at[1] + step[1] * distance] as const;
    const far = point(REACH);
    const isInside = ({ x: left, y: top, width: w, height: h }: Region) =>
      far[0] > left - 0.005 &&
      far[0] < left + w + 0.005 &&
      far[1] > top - 0.01 &&
      far[1] < top + h + 0.01;
    if (far[0] < 0 || far[0] > 1 || far[1] < 0 || far[1] > 1 || others.some(isInside)) continue;
    const line = await viewer.coloursAlong(point(-REACH), far, 2 * REACH + 1);
    const lumas = line.map(([r, g, b]) => 0.257 * r + 0.504 * g + 0.098 * b);
    const half = ((lumas[0] as number) + (lumas.at(-1) as number)) / 2;
    const edge = lumas.findIndex((luma) => luma < half) - REACH;
    if (Math.abs(edge) > 2) wrong.push(`${out}: ${edge}`);
  }
  return wrong;
}

for (const count of COUNTS) {
  test(`${count} people: every tile of every layout is where the region map has it`, async () => {
    await fill(count);
    for (const mode of LAYOUT_MODES) {
      sharing = mode === 'presentation';
      people[0]?.client.send({ type: 'mute', screen: sharing });
      await api('PATCH', '/layout', mode === 'custom' ? { mode, custom: CUSTOM } : { mode });
      // The map is asked for again each time: it follows the picture, not the request.
      const found = await waitFor(`${mode} of ${count}`, () => matching(mode, count), 60_000);
      for (const [index, region] of found.entries()) {
        const others = found.filter((_, other) => other !== index);
        // The first pictures of a layout are blurred by the codec.
        await waitFor(
          `the edges of tile ${index}, ${mode} of ${count}`,
          async () => (await wrongEdges(region, others)).length === 0,
        );
      }
      // Between the tiles is the background, and nothing of a layout before. Later gaps are too
      // narrow to differ from what the codec blurs into them.
      const gaps = found.filter(({ x }) => x > 0.02);
      for (const { x, y, height } of mode === 'pip' || mode === 'custom' || count > 9 ? [] : gaps) {
        const beside = await viewer.colourAt(x - 4 / WIDTH, y + height / 2);
        expect([mode, count, personOf(beside)]).toEqual([mode, count, -1]);
      }
    }
  });
}

test('pinned participants and the dominant speaker are large, and everybody hears of it', async () => {
  const watcher = await Wire.join(server, ROOM, 'Watcher');
  const large = async () => {
    const { body } = await api('GET', '/layout');
    return people.findIndex(({ id }) => id === body.regions[0]?.participant);
  };
  await api('PATCH', '/layout', { mode: 'speaker', pinned: [people[4]?.id] });
  await waitFor('the pinned one', async () => (await large()) === 4);
  expect((await api('PATCH', '/layout', { pinned: ['nobody'] })).body.code).toBe(
    'participant_not_found',
  );
  await api('PATCH', '/layout', { pinned: [] });
  const opus = await OpusEncoder.open({ channels: 1, bitrateBps: 32_000, complexity: 5 });
  const tone = Float32Array.from(
    { length: FRAME_SAMPLES },
    (_, i) => 0.2 * Math.sin((2 * Math.PI * 400 * i) / 48_000),
  );
  people[20]?.client.send({ type: 'mute', mic: true });
  let sent = 0;
  const talk = setInterval(() => {
    const packet = Buffer.from(opus.encode(tone, false));
    people[20]?.client.sendRtp('audio', [packet], sent++ * 960);
  }, 20);
  const dominant = () => watcher.messages.findLast(({ type }) => type === 'dominant')?.participant;
  await waitFor('the dominant speaker', () => dominant() === people[20]?.id);
  await waitFor('who leads to be large', async () => (await large()) === 20);
  clearInterval(talk);
  const layout = watcher.messages.findLast(({ type }) => type === 'layout');
  expect(layout).toMatchObject({ layout: { mode: 'speaker', pinned: [] } });
  // When the large participant leaves, another takes the place.
  await people[20]?.client.leave();
  await waitFor('another to be large', async () => {
    const now = await large();
    return now >= 0 && now !== 20;
  });
  watcher.socket.close();
});

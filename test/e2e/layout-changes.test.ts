/** How the composite follows the speaker, and that no change of layout or people loses a frame. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Replay } from '../../src/bots/replay.js';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { encodeTestPattern, type TestPattern } from '../../src/bots/test-pattern.js';
import { VideoDecoder } from '../../src/codecs/ffmpeg/video-decoder.js';
import { FRAME_SAMPLES, OpusEncoder } from '../../src/codecs/opus/opus.js';
import { vp8Depacketizer } from '../../src/codecs/vp8-depacketizer.js';
import type { TileRegion } from '../../src/protocol/layout.js';
import { LAYOUT_MODES } from '../../src/protocol/layout.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { sleep, TestServer, waitFor } from '../support/server.js';
import { soak } from '../support/soak.js';

const servers: TestServer[] = [];
const clients: RtpClient[] = [];
const bots: Bot[] = [];
const patterns: TestPattern[] = [];
const replay = new Replay();
beforeAll(async () => {
  for (let index = 0; index < 3; index++)
    patterns.push(await encodeTestPattern(`P${index}`, index));
});
afterAll(async () => {
  replay.stop();
  for (const bot of bots) bot.kill();
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all(servers.map((server) => server.close()));
});

async function start(environment: Record<string, string> = {}): Promise<TestServer> {
  const server = await TestServer.start(environment);
  servers.push(server);
  return server;
}

const layoutOf = async (server: TestServer, room: string): Promise<readonly TileRegion[]> =>
  (await callApi(server, 'GET', `/rooms/${room}/layout`)).body.regions;

/** The event stream of a room, as text. */
function listenTo(server: TestServer, room: string): { text: string; stop(): void } {
  const abort = new AbortController();
  const heard = { text: '', stop: () => abort.abort() };
  const read = async () => {
    const url = `${server.url}/v1/events?room=${room}`;
    const { body } = await fetch(url, { signal: abort.signal });
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>)
      heard.text += Buffer.from(chunk).toString();
  };
  read().catch(() => {});
  return heard;
}

/** Sends a tone while it is on, and nothing else: sound ends with the packets. */
class Voice {
  private readonly packets: Buffer[] = [];
  private sent = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly client: RtpClient) {}

  async prepare(hertz: number): Promise<this> {
    using opus = await OpusEncoder.open({ channels: 1, bitrateBps: 32_000, complexity: 5 });
    for (let frame = 0; frame < 50; frame++) {
      const pcm = Float32Array.from(
        { length: FRAME_SAMPLES },
        (_, i) => 0.3 * Math.sin((2 * Math.PI * hertz * (frame * FRAME_SAMPLES + i)) / 48_000),
      );
      this.packets.push(Buffer.from(opus.encode(pcm, false)));
    }
    return this;
  }

  start(): void {
    const begun = performance.now();
    const before = this.sent;
    this.timer = setInterval(() => {
      while ((this.sent - before) * 20 <= performance.now() - begun) {
        const packet = this.packets[this.sent % 50] as Buffer;
        this.client.sendRtp('audio', [packet], this.sent++ * FRAME_SAMPLES);
      }
    }, 5);
  }

  stop(): void {
    clearInterval(this.timer);
    // Time goes on in silence.
    this.sent += 50;
  }
}

test('the border follows the speaker within 300 ms, the large tile after 1.5 s', async () => {
  const server = await start();
  const room = 'speakers';
  const viewer = await Bot.join(server, { room, name: 'Viewer', viewer: true });
  bots.push(viewer);
  const events = listenTo(server, room);
  const voices: Voice[] = [];
  for (const [index, name] of ['Ada', 'Bob'].entries()) {
    const client = await RtpClient.join({ url: server.signalUrl, room, name, receive: false });
    clients.push(client);
    voices.push(await new Voice(client).prepare(300 + 200 * index));
  }
  const [ada, bob] = voices as [Voice, Voice];
  const tiles = await waitFor('two tiles', async () => {
    const regions = await layoutOf(server, room);
    return regions.length === 2 && regions;
  });
  const isMarked = async (index: number) => {
    const { x, y, height } = tiles[index] as TileRegion;
    const [r, g, b] = await viewer.colourAt(x + 2 / 1280, y + height / 2);
    return g > r + 50 && g > b + 50;
  };
  const delays: number[] = [];
  for (let turn = 0; turn < 6; turn++) {
    const [index, voice] = turn % 2 === 0 ? [0, ada] : [1, bob];
    await waitFor('silence', async () => !(await isMarked(0)) && !(await isMarked(1)));
    const begun = performance.now();
    voice.start();
    await waitFor('the border', () => isMarked(index));
    delays.push(performance.now() - begun);
    expect(await isMarked(1 - index)).toBe(false);
    voice.stop();
  }
  // The room's event stream has the same turns.
  const heard = () =>
    [...events.text.matchAll(/"event":"speaking_(started|stopped)".*?"name":"(Ada|Bob)"/g)].map(
      ([, what, name]) => `${name} ${what}`,
    );
  const turns = ['Ada started', 'Ada stopped', 'Bob started', 'Bob stopped'];
  await waitFor('the events', () => heard().length === 12);
  expect(heard()).toEqual([...turns, ...turns, ...turns]);
  events.stop();
  // A busy machine adds to each delay: the shortest one is the server's.
  console.log(`border after ${delays.map(Math.round).join(', ')} ms`);
  expect(Math.min(...delays)).toBeLessThan(300);

  await callApi(server, 'PATCH', `/rooms/${room}/layout`, { body: { mode: 'speaker' } });
  // In the order of the grid: once somebody is large, theirs is the first region.
  const [first, second] = tiles.map(({ participant }) => participant);
  const large = async () => {
    const regions = await layoutOf(server, room);
    return regions.find(({ width }) => width > 0.6)?.participant;
  };
  ada.start();
  await waitFor('Ada to be large', async () => (await large()) === first);
  await sleep(2000);
  ada.stop();
  const begun = performance.now();
  bob.start();
  await waitFor('Bob to be large', async () => (await large()) === second);
  bob.stop();
  expect(performance.now() - begun).toBeGreaterThan(1400);
});

/** The same for every run (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Changes the layout, people and overlays at random, and reads back every frame. */
async function expectWholePicture(seconds: number): Promise<void> {
  const server = await start({
    TESSERA_VIDEO_WIDTH: '640',
    TESSERA_VIDEO_HEIGHT: '360',
    TESSERA_VIDEO_CODECS: 'vp8',
  });
  const room = 'random';
  const random = randomOf(7);
  const url = server.signalUrl;
  const join = async (name: string) => {
    const client = await RtpClient.join({ url, room, name, receive: false, screen: true });
    replay.add(client, patterns[Math.floor(random() * 3)] as TestPattern);
    return client;
  };
  const steady = [await join('S0'), await join('S1'), await join('S2')];
  clients.push(...steady);
  const viewer = await RtpClient.join({ url, room, name: 'Viewer', viewer: true });
  clients.push(viewer);
  const frames: Buffer[] = [];
  let payloads: Buffer[] = [];
  viewer.onVideoPayload = (payload, marker) => {
    payloads.push(Buffer.from(payload));
    if (!marker) return;
    frames.push(vp8Depacketizer.assemble(payloads)?.data ?? Buffer.alloc(0));
    payloads = [];
  };
  await viewer.requestKeyframe();
  await waitFor('a picture', () => frames.length > 30);
  const counters = async () => (await server.room(room))?.counters ?? {};
  const before = { ...(await counters()), received: frames.length } as Record<string, number>;
  viewer.longestStepMs = 0;

  const guests: RtpClient[] = [];
  let shares = 0;
  const screens = setInterval(() => {
    const frame = patterns[0]?.video[0] as Buffer[];
    shares++;
    for (const client of steady) client.sendRtp('screen', frame, shares * 18_000);
  }, 200);
  const ids = async () =>
    (await callApi(server, 'GET', `/rooms/${room}/participants`)).body
      .filter(({ viewer: watches }: { viewer: boolean }) => !watches)
      .map(({ id }: { id: string }) => id);
  const custom = {
    regions: [
      { x: 0, y: 0, width: 0.6, height: 1, role: 'speaker', radius: 0.1 },
      { x: 0.5, y: 0.2, width: 0.5, height: 0.5, role: 'participant', z: 1, radius: 0.2 },
      { x: 0.6, y: 0.6, width: 0.4, height: 0.4, role: 'screen', z: 2 },
    ],
  };
  const kinds = ['layout', 'layout', 'pin', 'join', 'leave', 'mute', 'share', 'title'] as const;
  const until = Date.now() + seconds * 1000;
  let changes = 0;
  while (Date.now() < until) {
    const kind = kinds[Math.floor(random() * kinds.length)];
    const one = steady[Math.floor(random() * 3)] as RtpClient;
    const on = random() < 0.5;
    changes++;
    if (kind === 'layout') {
      const mode = LAYOUT_MODES[Math.floor(random() * LAYOUT_MODES.length)];
      await callApi(server, 'PATCH', `/rooms/${room}/layout`, { body: { mode, custom } });
    } else if (kind === 'pin') {
      const all = await ids();
      const pinned = on ? [all[Math.floor(random() * all.length)]] : [];
      await callApi(server, 'PATCH', `/rooms/${room}/layout`, { body: { pinned } });
    } else if (kind === 'join' && guests.length < 4) guests.push(await join(`G${changes}`));
    else if (kind === 'leave') {
      const guest = guests.shift();
      if (guest) replay.remove(guest);
      await guest?.leave();
    } else if (kind === 'mute') one.send({ type: 'mute', camera: on, mic: !on });
    else if (kind === 'share') one.send({ type: 'mute', screen: on });
    else if (kind === 'title') {
      const overlays = on ? { title: `Change ${changes}`, recording: true } : {};
      await callApi(server, 'PATCH', `/rooms/${room}`, { body: { overlays } });
    }
    await sleep(50 + random() * 400);
  }
  clearInterval(screens);
  await sleep(1500);
  const after = { ...(await counters()), received: frames.length } as Record<string, number>;
  replay.stop();
  clients.push(...guests);
  const grown = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
  const [received, encoded] = [grown('received'), grown('video_encodes_vp8')];
  console.log(
    `${changes} changes: ${grown('video_ticks')} ticks, ${grown('video_ticks_skipped')} skipped, ` +
      `${encoded} frames encoded, ${received} received, longest step ${viewer.longestStepMs} ms`,
  );
  expect(changes).toBeGreaterThan(1.6 * seconds);
  // The counters are a second old at most.
  expect(Math.abs(received - encoded)).toBeLessThan(35);
  // Some ticks have nothing new to show; the machine may leave some out; nothing else does.
  expect(encoded).toBeGreaterThan(0.6 * grown('video_ticks'));
  // A picture on which nothing moves (one camera, and that is off) comes once a second.
  expect(viewer.longestStepMs).toBeLessThan(1100);
  const firstKey = frames.findIndex((data) => data.length > 0 && ((data[0] as number) & 1) === 0);
  using decoder = await VideoDecoder.open('vp8');
  let broken = 0;
  for (const data of frames.slice(firstKey)) {
    const picture = await decoder.decode(data);
    if (picture === undefined || picture === 'corrupt') broken++;
    else picture[Symbol.dispose]();
  }
  expect(broken).toBe(0);
}

test('15 s of changes of all kinds lose no frame and break none', () => expectWholePicture(15));

soak('a minute of changes of all kinds loses no frame and breaks none', () =>
  expectWholePicture(60),
);

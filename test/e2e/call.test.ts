/** A call with real clients: what everybody sees and hears, through crashes and restarts. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Bot } from '../support/bot.js';
import { type BrowserOptions, CallPage, launchBrowser } from '../support/browser.js';
import { expectColour, isColour, tile } from '../support/expect-media.js';
import { sleep, TestServer, waitFor } from '../support/server.js';

let server: TestServer;
let open: { close(): Promise<void> | void }[] = [];

beforeAll(async () => {
  server = await TestServer.start({ TESSERA_ROOM_EMPTY_SECONDS: '2' });
});
afterEach(async () => {
  await Promise.all(open.map((thing) => thing.close()));
  open = [];
});
afterAll(() => server?.close());

async function browser(options: BrowserOptions = {}): Promise<Browser> {
  const launched = await launchBrowser(options);
  open.push(launched);
  return launched;
}

async function bot(options: Parameters<typeof Bot.join>[1]): Promise<Bot> {
  const joined = await Bot.join(server, options);
  open.push({ close: () => joined.kill() });
  return joined;
}

test('three browsers see every tile in its place and hear the two others', async () => {
  const people = [
    { name: 'Ada', colour: 'red', frequency: 440 },
    { name: 'Bob', colour: 'green', frequency: 1000 },
    { name: 'Cyd', colour: 'blue', frequency: 2200 },
  ] as const;
  const pages: CallPage[] = [];
  for (const { name, colour, frequency } of people) {
    pages.push(
      await CallPage.join(await browser({ colour, frequency }), server, { room: 'three', name }),
    );
  }
  for (const [index, page] of pages.entries()) {
    for (const [place, { colour }] of people.entries()) {
      await waitFor(`${colour} in tile ${place} at page ${index}`, async () =>
        isColour(await page.colourAt(tile(place, 3)), colour),
      );
    }
    for (const { name, frequency } of people) {
      const own = people[index]?.name === name;
      const level = await waitFor(`tone ${frequency} at page ${index}`, async () => {
        const now = await page.toneLevel(frequency);
        return (own ? now < -50 : now > -25) ? now : undefined;
      });
      expect(level)[own ? 'toBeLessThan' : 'toBeGreaterThan'](own ? -50 : -25);
    }
  }
  const first = pages[0] as CallPage;
  expect(await first.video()).toMatchObject({ width: 1280, height: 720, codec: 'video/H264' });
  const codes = new Set<number>();
  await waitFor('barcodes to count on', async () => {
    const code = await first.barcodeAt(tile(1, 3));
    if (code >= 0) codes.add(code);
    return codes.size >= 8;
  });
});

test('a VP8-only libwebrtc bot and a browser see and hear the same mix', async () => {
  const page = await CallPage.join(await browser({ colour: 'red', frequency: 440 }), server, {
    room: 'codecs',
    name: 'Ada',
  });
  const vp8 = await bot({ room: 'codecs', name: 'Bot', colour: 'green', frequency: 1000 });
  const [left, right] = [tile(0, 2), tile(1, 2)];
  const middle = (r: typeof left) => [r.x + r.width / 2, r.y + r.height / 2] as const;
  await waitFor('the bot to see red', async () =>
    isColour(await vp8.colourAt(...middle(left)), 'red'),
  );
  await waitFor('the bot to see itself green', async () =>
    isColour(await vp8.colourAt(...middle(right)), 'green'),
  );
  await waitFor('the page to see green', async () => isColour(await page.colourAt(right), 'green'));
  expectColour(await page.colourAt(left), 'red');
  await waitFor('the bot to hear the page', async () => (await vp8.toneLevel(440)) > -30);
  await waitFor('the page to hear the bot', async () => (await page.toneLevel(1000)) > -25);
  expect(await vp8.toneLevel(1000)).toBeLessThan(-50);
  expect(await page.toneLevel(440)).toBeLessThan(-50);
  expect((await page.video()).codec).toBe('video/H264');
  await waitFor('one encode per codec', async () => {
    const { video_encodes_h264 = 0, video_encodes_vp8 = 0 } =
      (await server.room('codecs'))?.counters ?? {};
    return video_encodes_h264 > 0 && video_encodes_vp8 > 0;
  });
});

test('audio-only participants, viewers and mutes are seen and heard as such', async () => {
  const page = await CallPage.join(await browser({ colour: 'red', frequency: 440 }), server, {
    room: 'kinds',
    name: 'Ada',
  });
  const speaker = await bot({ room: 'kinds', name: 'Only Sound', video: false, frequency: 1000 });
  const camera = await bot({ room: 'kinds', name: 'Both', colour: 'blue', frequency: 2200 });
  const viewer = await bot({ room: 'kinds', name: 'Viewer', viewer: true });
  await waitFor('three tiles, and none for the viewer', async () =>
    isColour(await page.colourAt(tile(2, 3)), 'blue'),
  );
  expect(isColour(await page.colourAt(tile(1, 3)), 'red')).toBe(false);
  await waitFor(
    'the viewer to hear all',
    async () => (await viewer.toneLevel(440)) > -30 && (await viewer.toneLevel(1000)) > -25,
  );
  await waitFor('the viewer to see the page', async () =>
    isColour(await viewer.colourAt(...centre(tile(0, 3))), 'red'),
  );

  await camera.mute({ camera: false, mic: false });
  const since = Date.now();
  await waitFor(
    'the placeholder',
    async () => !isColour(await page.colourAt(tile(2, 3)), 'blue'),
    5000,
  );
  console.log(`camera off: placeholder seen after ${Date.now() - since} ms`);
  await waitFor('silence', async () => (await page.toneLevel(2200)) < -50);
  await camera.mute({ camera: true, mic: true });
  await waitFor('the camera again', async () => isColour(await page.colourAt(tile(2, 3)), 'blue'));
  await waitFor('the voice again', async () => (await page.toneLevel(2200)) > -25);
  await speaker.leave();
  await waitFor('two tiles', async () => isColour(await page.colourAt(tile(1, 2)), 'blue'));
});

test('after kill -9 of the media process the composite is back on the same connections', async () => {
  const page = await CallPage.join(await browser({ colour: 'red', frequency: 440 }), server, {
    room: 'crash',
    name: 'Ada',
  });
  const guest = await bot({ room: 'crash', name: 'Bot', colour: 'green', frequency: 1000 });
  await waitFor('green', async () => isColour(await page.colourAt(tile(1, 2)), 'green'));
  const before = await waitFor('stats', () => server.room('crash'));
  await guest.report();
  await page.video();
  process.kill(before.mediaPid, 'SIGKILL');
  const after = await waitFor('another media process', async () => {
    const room = await server.room('crash');
    return room && room.mediaPid !== before.mediaPid && room;
  });
  const decoded = async () => (await page.inboundStats())['video.framesDecoded'] ?? 0;
  const decodedThen = await decoded();
  await waitFor('pictures again', async () => (await decoded()) > decodedThen + 15);
  const gap = (await page.video()).longestGapMs;
  expect(after.participants.map(({ id }) => id)).toEqual(before.participants.map(({ id }) => id));
  await waitFor(
    'red and green again',
    async () =>
      isColour(await page.colourAt(tile(0, 2)), 'red') &&
      isColour(await page.colourAt(tile(1, 2)), 'green'),
  );
  await waitFor('sound again', async () => (await page.toneLevel(1000)) > -25);
  console.log(`crash: picture back after ${gap.toFixed(0)} ms at the page`);
  expect(gap).toBeGreaterThan(0);
  expect(gap).toBeLessThan(3000);
});

test('the tile of a client that dies is gone within seconds', async () => {
  const page = await CallPage.join(await browser({ colour: 'red', frequency: 440 }), server, {
    room: 'dead',
    name: 'Ada',
  });
  const guest = await bot({ room: 'dead', name: 'Bot', colour: 'green', frequency: 1000 });
  await waitFor('green', async () => isColour(await page.colourAt(tile(1, 2)), 'green'));
  guest.kill();
  const since = Date.now();
  await waitFor(
    'the tile to go',
    async () => isColour(await page.colourAt({ x: 0.7, y: 0.2, width: 0.2, height: 0.2 }), 'red'),
    15_000,
  );
  console.log(`dead client: tile gone after ${Date.now() - since} ms`);
  expect(Date.now() - since).toBeLessThan(10_000);
});

test('an ICE restart keeps the call, its connection and its streams', async () => {
  const page = await CallPage.join(await browser({ colour: 'red', frequency: 440 }), server, {
    room: 'restart',
    name: 'Ada',
  });
  const guest = await bot({ room: 'restart', name: 'Bot', colour: 'green', frequency: 1000 });
  await waitFor('green', async () => isColour(await page.colourAt(tile(1, 2)), 'green'));
  const before = await page.inboundStats();
  const old = await page.remoteFragment();
  await page.restartIce();
  await waitFor('new credentials', async () => (await page.remoteFragment()) !== old);
  const restarted = await page.inboundStats();
  const after = await waitFor('media to go on', async () => {
    const stats = await page.inboundStats();
    const [now = 0, then = 0] = [stats, restarted].map((one) => one['video.framesDecoded']);
    return now > then + 60 && stats;
  });
  expect(after['video.ssrc']).toBe(before['video.ssrc']);
  await waitFor(
    'both voices',
    async () => (await page.toneLevel(1000)) > -30 && (await guest.toneLevel(440)) > -30,
  );
  expect((await server.room('restart'))?.participants.map(({ state }) => state)).toEqual([
    'connected',
    'connected',
  ]);
});

test('an empty room ends its media process and uses no CPU', async () => {
  const guest = await bot({ room: 'empty', name: 'Bot', colour: 'green' });
  const { mediaPid } = await waitFor('stats', () => server.room('empty'));
  await guest.leave();
  await waitFor('the room to end', async () => (await server.room('empty')) === undefined);
  await waitFor('the process to end', () => {
    try {
      process.kill(mediaPid, 0);
      return false;
    } catch {
      return true;
    }
  });
  const used = async () => {
    const { user, system } = (await server.stats()).cpu;
    return (user + system) / 1000;
  };
  // What was in use is collected in the seconds after.
  await waitFor(
    'less than 5 % of a core',
    async () => {
      const before = await used();
      await sleep(3000);
      const milliseconds = (await used()) - before;
      console.log(`idle: ${milliseconds.toFixed(0)} ms of CPU in 3 s`);
      return milliseconds < 150;
    },
    60_000,
  );
  expect((await server.stats()).timers).toBeLessThan(15);
});

function centre({
  x,
  y,
  width,
  height,
}: {
  x: number;
  y: number;
  width: number;
  height: number;
}): [number, number] {
  return [x + width / 2, y + height / 2];
}

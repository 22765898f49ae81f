/** Canvases and cameras of every shape: portrait phones, rotated video, square and high composites. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TileRegion } from '../../src/protocol/layout.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { launchBrowser } from '../support/browser.js';
import { TestServer, waitFor } from '../support/server.js';

const ROOM = 'shapes';
let browser: Browser;
const servers: TestServer[] = [];
const bots: Bot[] = [];
beforeAll(async () => {
  browser = await launchBrowser({ colour: 'red', frequency: 440 });
});
afterAll(async () => {
  for (const bot of bots) bot.kill();
  await browser?.close();
  await Promise.all(servers.map((server) => server.close()));
});

/**
 * Joins with a picture of 640 by 360, red on its left and blue on its right, that says how it is to be
 * turned, as the camera of a phone does.
 */
async function joinRotated(server: TestServer, rotation: number): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${server.url}/docs`);
  await page.evaluate(`(async () => {
    const { Room } = await import('${server.url}/sdk.js');
    // I420: Chromium sends no canvas that is turned.
    const data = new Uint8Array(640 * 360 * 1.5);
    for (let at = 0; at < 640 * 360; at++) data[at] = at % 640 < 320 ? 74 : 71;
    for (let at = 0; at < 320 * 180; at++) {
      const isLeft = at % 320 < 160;
      data[640 * 360 + at] = isLeft ? 101 : 197;
      data[640 * 360 * 1.25 + at] = isLeft ? 203 : 109;
    }
    const generator = new MediaStreamTrackGenerator({ kind: 'video' });
    const writer = generator.writable.getWriter();
    let frames = 0;
    setInterval(() => {
      data.fill(60 + (frames++ % 100), 640 * 170 + 300, 640 * 170 + 340);
      const shape = { format: 'I420', codedWidth: 640, codedHeight: 360 };
      const timestamp = performance.now() * 1000;
      writer.write(new VideoFrame(data, { ...shape, timestamp, rotation: ${rotation} }));
    }, 66);
    window.room = await Room.connect({
      url: '${server.signalUrl}', room: '${ROOM}', name: 'Turned', videoTrack: generator,
    });
  })()`);
  return page;
}

const isRed = ([r, , b]: readonly number[]) => (r ?? 0) > 130 && (b ?? 0) < 100;
const isBlue = ([r, , b]: readonly number[]) => (b ?? 0) > 130 && (r ?? 0) < 110;

async function start(width: number, height: number): Promise<{ server: TestServer; viewer: Bot }> {
  const server = await TestServer.start({
    TESSERA_VIDEO_WIDTH: `${width}`,
    TESSERA_VIDEO_HEIGHT: `${height}`,
  });
  servers.push(server);
  const viewer = await Bot.join(server, { room: ROOM, name: 'Viewer', viewer: true });
  bots.push(viewer);
  return { server, viewer };
}

const regionOf = async (server: TestServer): Promise<TileRegion | undefined> =>
  (await callApi(server, 'GET', `/rooms/${ROOM}/layout`)).body.regions[0];

test.each([
  [90, 'top', 'bottom'],
  [270, 'bottom', 'top'],
])('video rotated by %i degrees is upright and whole', async (rotation, red, blue) => {
  const { server, viewer } = await start(1280, 720);
  const page = await joinRotated(server, rotation);
  const at = { top: 0.2, bottom: 0.8 } as const;
  await waitFor('the halves', async () => {
    const [one, other] = [
      await viewer.colourAt(0.5, at[red as 'top']),
      await viewer.colourAt(0.5, at[blue as 'top']),
    ];
    return isRed(one) && isBlue(other);
  });
  // 9:16 in 16:9 would lose two thirds: it is shown whole, with bars.
  expect((await regionOf(server))?.fit).toBe('letterbox');
  const bar = await viewer.colourAt(0.15, 0.5);
  expect(Math.max(...bar)).toBeLessThan(40);
  await page.close();
});

test.each([
  ['high', 720, 1280],
  ['square', 720, 720],
])('tiles and strips fit a %s composite', async (_name, width, height) => {
  const { server, viewer } = await start(width, height);
  const page = await joinRotated(server, 90);
  for (const [name, colour] of [
    ['One', 'green'],
    ['Two', 'yellow'],
  ] as const) {
    bots.push(await Bot.join(server, { room: ROOM, name, colour, audio: false }));
  }
  for (const mode of ['grid', 'speaker', 'presentation', 'pip']) {
    await callApi(server, 'PATCH', `/rooms/${ROOM}/layout`, { body: { mode } });
    await waitFor(`${mode}`, async () => {
      const { regions } = (await callApi(server, 'GET', `/rooms/${ROOM}/layout`)).body;
      if (regions.length !== (mode === 'pip' ? 2 : 3)) return false;
      for (const region of regions as TileRegion[]) {
        if (region.x + region.width > 1.001 || region.y + region.height > 1.001) return false;
      }
      const [large] = regions as [TileRegion];
      const share = large.width * large.height;
      if (mode !== 'grid' && share < 0.4) return false;
      // The large tile has a picture.
      const rgb = await viewer.colourAt(large.x + large.width * 0.5, large.y + large.height * 0.3);
      return Math.max(...rgb) > 100;
    });
  }
  const report = await viewer.report();
  expect([report.width, report.height]).toEqual([width, height]);
  await page.close();
});

/** One's own live camera over one's own tile, in Chromium: where it lies, from when on, and when not. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { launchBrowser } from '../support/browser.js';
import { CACHE } from '../support/fixtures.js';
import { sleep, TestServer, waitFor } from '../support/server.js';

const ROOM = 'own';
let server: TestServer;
let browser: Browser;
let page: Page;
const bots: Bot[] = [];
beforeAll(async () => {
  server = await TestServer.start();
  browser = await launchBrowser({ colour: 'red', frequency: 440 });
  for (const [name, colour] of [
    ['One', 'green'],
    ['Two', 'blue'],
  ] as const) {
    bots.push(await Bot.join(server, { room: ROOM, name, colour, audio: false }));
  }
  page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
  await page.goto(`${server.url}/?room=${ROOM}&name=Ada`);
  await page.waitForFunction('document.querySelector("#preview").videoWidth > 0');
  await page.click('text=Join');
  await page.waitForFunction('document.querySelector("#composite").videoWidth > 0');
});
afterAll(async () => {
  for (const bot of bots) bot.kill();
  await browser?.close();
  await server?.close();
});

const arrange = (body: object) => callApi(server, 'PATCH', `/rooms/${ROOM}/layout`, { body });

async function ownId(): Promise<string> {
  const { body } = await callApi(server, 'GET', `/rooms/${ROOM}/participants`);
  return body.find(({ name }: { name: string }) => name === 'Ada').id;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The overlay's box, and that of the own tile in the composite, in pixels of the page. */
async function boxes(): Promise<
  { overlay: Box; tile: Box; clip: string; share: number } | undefined
> {
  const { body } = await callApi(server, 'GET', `/rooms/${ROOM}/layout`);
  const id = await ownId();
  const region = body.regions.find(
    ({ participant }: { participant: string }) => participant === id,
  );
  if (!region) return undefined;
  const found = (await page.evaluate(`(() => {
    const composite = document.querySelector('#composite');
    const own = document.querySelector('#own-tile');
    const { x, y, width, height } = own.getBoundingClientRect();
    const outer = composite.getBoundingClientRect();
    const scale = Math.min(outer.width / 1280, outer.height / 720);
    return {
      overlay: { x, y, width, height },
      hidden: own.hidden || own.videoWidth === 0,
      clip: own.style.clipPath,
      left: outer.x + (outer.width - 1280 * scale) / 2,
      top: outer.y + (outer.height - 720 * scale) / 2,
      scale,
    };
  })()`)) as {
    overlay: Box;
    hidden: boolean;
    clip: string;
    left: number;
    top: number;
    scale: number;
  };
  if (found.hidden) return undefined;
  const { overlay, clip, left, top, scale } = found;
  const tile = {
    x: left + region.x * 1280 * scale,
    y: top + region.y * 720 * scale,
    width: region.width * 1280 * scale,
    height: region.height * 720 * scale,
  };
  return { overlay, tile, clip, share: region.width };
}

const isOver = (found: Awaited<ReturnType<typeof boxes>>) =>
  found !== undefined &&
  (['x', 'y', 'width', 'height'] as const).every(
    (side) => Math.abs(found.overlay[side] - found.tile[side]) <= 2,
  );

test('it lies over the own tile within 2 pixels, in every layout and window', async () => {
  const id = await ownId();
  // With the share of the picture's width that one's own tile then has.
  for (const [layout, least, most] of [
    [{ mode: 'grid', pinned: [] }, 0.4, 0.5],
    [{ mode: 'speaker', pinned: [id] }, 0.6, 0.95],
    [{ mode: 'spotlight', pinned: [id] }, 1, 1],
    [{ mode: 'grid', pinned: [] }, 0.4, 0.5],
  ] as const) {
    await arrange(layout);
    await waitFor(`${layout.mode} to be followed`, async () => {
      const found = await boxes();
      return found && found.share >= least && found.share <= most && isOver(found);
    });
  }
  await page.screenshot({ path: `${CACHE}page-own-tile.png` });
  for (const size of [
    { width: 700, height: 900 },
    { width: 360, height: 640 },
    { width: 1100, height: 800 },
  ]) {
    await page.setViewportSize(size);
    await waitFor('the window to be followed', async () => isOver(await boxes()));
  }
});

test('what lies over the own tile is left free', async () => {
  await arrange({ mode: 'pip', pinned: [await ownId()] });
  const found = await waitFor('the inset', async () => {
    const now = await boxes();
    return isOver(now) && now?.clip ? now : undefined;
  });
  // The whole of it, and a hole.
  expect(found.clip.match(/M/g)).toHaveLength(2);
  await arrange({ mode: 'grid', pinned: [] });
  await waitFor('the grid', async () => (await boxes())?.clip === '');
});

test('it moves with the very picture that has the tile elsewhere', async () => {
  await waitFor('the grid', async () => isOver(await boxes()));
  await page.evaluate(`(() => {
    const composite = document.querySelector('#composite');
    const own = document.querySelector('#own-tile');
    window.seen = [];
    window.told = [];
    tessera.on('layout', ({ timestamp }) => window.told.push(timestamp));
    const watch = () => composite.requestVideoFrameCallback((_now, { rtpTimestamp }) => {
      setTimeout(() => window.seen.push([rtpTimestamp, own.style.transform]), 0);
      watch();
    });
    watch();
  })()`);
  await sleep(500);
  await arrange({ mode: 'speaker', pinned: [await ownId()] });
  await waitFor('the move', async () => {
    const found = await boxes();
    return found && found.share > 0.6 && isOver(found);
  });
  await sleep(500);
  const { seen, told } = (await page.evaluate('({ seen: window.seen, told: window.told })')) as {
    seen: [number, string][];
    told: (number | undefined)[];
  };
  const at = told.findLast((timestamp) => timestamp !== undefined);
  expect(at).toBeTypeOf('number');
  const since = (timestamp: number) => (timestamp - (at as number)) | 0;
  const before = new Set(seen.filter(([rtp]) => since(rtp) < 0).map(([, where]) => where));
  const after = new Set(seen.filter(([rtp]) => since(rtp) >= 0).map(([, where]) => where));
  expect(before.size).toBe(1);
  expect(after.size).toBe(1);
  expect([...after][0]).not.toBe([...before][0]);
});

test('with the camera off it is gone, and back with it', async () => {
  await page.click('#camera');
  await waitFor('it to go', () => page.isHidden('#own-tile'));
  await page.click('#camera');
  await waitFor('it to be back', async () => isOver(await boxes()));
});

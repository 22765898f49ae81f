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

test('the own camera lies over its tile within 2 pixels, in every layout and window', async () => {
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

test('tiles that lie over the own tile stay visible', async () => {
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

test('the own camera moves in the same pictures as its tile', async () => {
  await waitFor('the grid', async () => isOver(await boxes()));
  await page.evaluate(WATCH_MOVES);
  await sleep(500);
  for (const [layout, least] of [
    [{ mode: 'speaker', pinned: [await ownId()] }, 0.6],
    [{ mode: 'grid', pinned: [] }, 0.4],
    [{ mode: 'speaker', pinned: [await ownId()] }, 0.6],
  ] as const) {
    await arrange(layout);
    await waitFor('the move', async () => {
      const found = await boxes();
      return found && found.share > least && isOver(found);
    });
    await sleep(700);
  }
  const { seen, announced } = (await page.evaluate(
    '({ seen: window.seen, announced: window.announced })',
  )) as {
    seen: { rtp: number; at: string; over: boolean }[];
    announced: (number | undefined)[];
  };
  const moves = announced.filter((timestamp) => timestamp !== undefined);
  expect(moves.length).toBeGreaterThanOrEqual(3);
  // It stands still but for the 200 ms from each of those pictures on, however few the browser shows.
  const isMoving = (from: number, to: number) =>
    moves.some((move) => ((to - move) | 0) > 0 && ((from - move) | 0) < 0.2 * 90_000);
  for (const [index, { rtp, at }] of seen.entries()) {
    const before = seen[index - 1];
    if (before && !isMoving(before.rtp, rtp)) expect([index, at]).toEqual([index, before.at]);
  }
  // Some of them on the way between the two places.
  expect(new Set(seen.map(({ at }) => at)).size).toBeGreaterThan(2);
  // In every picture, on its way too, it lies over the tile that the picture has.
  const off = seen.filter(({ over }) => !over);
  expect(off.length / seen.length).toBeLessThan(0.02);
});

/**
 * Notes for each picture of the composite where the own camera is laid, and whether the composite has
 * its red within those edges and none outside of them. Above and below are the barcode and the label.
 */
const WATCH_MOVES = `(() => {
  const composite = document.querySelector('#composite');
  const own = document.querySelector('#own-tile');
  const canvas = new OffscreenCanvas(1280, 720);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  window.seen = [];
  window.announced = [];
  tessera.on('layout', ({ timestamp }) => window.announced.push(timestamp));
  const isRed = (x, y) => {
    const [r, g, b] = context.getImageData(Math.round(x), Math.round(y), 1, 1).data;
    return r > 120 && g < 90 && b < 90;
  };
  const watch = () => composite.requestVideoFrameCallback((_now, { rtpTimestamp: rtp }) => {
    context.drawImage(composite, 0, 0, 1280, 720);
    // After the SDK's own callback for this picture, and before that for the next.
    requestAnimationFrame(() => {
      const scale = Math.min(composite.clientWidth / 1280, composite.clientHeight / 720);
      const [left, top] = [(composite.clientWidth - 1280 * scale) / 2, (composite.clientHeight - 720 * scale) / 2];
      const [, tx, ty] = /translate\\(([-0-9.e]+)px, ([-0-9.e]+)px\\)/.exec(own.style.transform);
      const x = (tx - left) / scale, y = (ty - top) / scale;
      const width = parseFloat(own.style.width) / scale, height = parseFloat(own.style.height) / scale;
      const middle = y + 0.7 * height;
      const over = isRed(x + 10, middle) && isRed(x + width - 10, middle)
        && (x < 10 || !isRed(x - 10, middle)) && (x + width > 1270 || !isRed(x + width + 10, middle));
      window.seen.push({ rtp, at: own.style.transform + own.style.width, over });
    });
    watch();
  });
  watch();
})()`;

test('the own camera disappears and returns with the camera', async () => {
  await page.click('#camera');
  await waitFor('it to go', () => page.isHidden('#own-tile'));
  await page.click('#camera');
  await waitFor('it to be back', async () => isOver(await boxes()));
});

/** The page as a person uses it: lobby, preview, join, mute, camera off, leave; also on a small phone. */
import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bot } from '../support/bot.js';
import { launchBrowser } from '../support/browser.js';
import { isColour, tile } from '../support/expect-media.js';
import { CACHE } from '../support/fixtures.js';
import { TestServer, waitFor } from '../support/server.js';

let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  mkdirSync(CACHE, { recursive: true });
  server = await TestServer.start();
  browser = await launchBrowser({ colour: 'red', frequency: 440 });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** Mean colour of the middle of a tile of the composite on the page. */
async function colour(page: Page, index: number, count: number): Promise<number[]> {
  return page.evaluate(
    (r) => {
      const video = document.querySelector<HTMLVideoElement>('#composite');
      const context = new OffscreenCanvas(4, 4).getContext('2d');
      if (!video || !context) return [0, 0, 0];
      const x = (r.x + r.width / 2) * video.videoWidth;
      const y = (r.y + r.height / 2) * video.videoHeight;
      context.drawImage(video, x, y, 4, 4, 0, 0, 4, 4);
      return [...context.getImageData(1, 1, 1, 1).data].slice(0, 3);
    },
    tile(index, count),
  );
}

test('a person joins on the page, mutes, turns the camera off and on, and leaves', async () => {
  const page = await browser.newPage({ viewport: { width: 1000, height: 700 } });
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(`${server.url}/?room=page`);
  await waitFor('the preview', () =>
    page.evaluate(
      () => (document.querySelector<HTMLVideoElement>('#preview')?.videoWidth ?? 0) > 0,
    ),
  );
  expect(await page.locator('#cameras option').count()).toBeGreaterThan(0);
  expect(await page.inputValue('#room')).toBe('page');
  await page.fill('#name', 'Ada Lovelace');
  await page.screenshot({ path: `${CACHE}page-lobby.png` });
  await page.click('text=Join');
  await waitFor('the composite', async () => isColour(await colour(page, 0, 1), 'red'));
  const bot = await Bot.join(server, {
    room: 'page',
    name: 'Łukasz Żółć',
    video: false,
    frequency: 1000,
  });
  await waitFor('two tiles', async () => isColour(await colour(page, 0, 2), 'red'));
  expect(await page.textContent('#people')).toContain('Łukasz Żółć');
  await page.screenshot({ path: `${CACHE}page-call.png` });

  // Levelling brings it to -27 dBFS.
  await waitFor('the bot to hear', async () => (await bot.toneLevel(440)) > -30);
  await page.click('#mic');
  expect(await page.getAttribute('#mic', 'aria-pressed')).toBe('false');
  await waitFor('the bot not to hear', async () => (await bot.toneLevel(440)) < -50);
  await page.click('#camera');
  await waitFor('the placeholder', async () => !isColour(await colour(page, 0, 2), 'red'));
  await page.click('#camera');
  await waitFor('the camera', async () => isColour(await colour(page, 0, 2), 'red'));
  await page.click('#leave');
  await waitFor('the lobby', () => page.isVisible('#join'));
  await waitFor(
    'the server to know',
    async () => (await server.room('page'))?.participants.length === 1,
  );
  bot.kill();
  expect(problems).toEqual([]);
});

test('the page fits a phone 360 pixels wide, and explains missing devices', async () => {
  const context = await browser.newContext({ viewport: { width: 360, height: 640 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException('denied', 'NotAllowedError'));
  });
  await page.goto(`${server.url}/?room=phone&name=Zoe`);
  await waitFor('the explanation', async () =>
    (await page.textContent('#device-message'))?.includes('not allowed'),
  );
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(await overflow()).toBeLessThanOrEqual(0);
  await page.click('text=Join');
  // No camera and no microphone is no reason not to be there: the placeholder stands for them.
  // The largest rendition that is not larger than the picture on this phone (one pixel to a pixel).
  await waitFor('the composite', () =>
    page.evaluate(() => document.querySelector<HTMLVideoElement>('#composite')?.videoWidth === 320),
  );
  expect(await overflow()).toBeLessThanOrEqual(0);
  await page.screenshot({ path: `${CACHE}page-phone.png` });
  await context.close();
});

test('the page says when the server cannot be reached', async () => {
  const page = await browser.newPage();
  await page.goto(`${server.url}/?room=gone&name=Zoe`);
  await page.routeWebSocket(/signal/, (socket) => socket.close({ code: 1011, reason: 'gone' }));
  await page.click('text=Join');
  await waitFor(
    'the message',
    async () => ((await page.textContent('#join-message')) ?? '').length > 0,
  );
  await page.close();
});

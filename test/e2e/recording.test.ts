/** Recordings at the page: a host records, everybody sees it, and it plays where it was made. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { signToken, videoGrantFor } from '../../src/api/access-token.js';
import { makeKey } from '../../src/config/api-keys.js';
import type { Role } from '../../src/protocol/participants.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { launchBrowser } from '../support/browser.js';
import { CACHE } from '../support/fixtures.js';
import { TestServer, waitFor } from '../support/server.js';

const ROOM = 'recorded';
const KEY = makeKey();
let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  mkdirSync(CACHE, { recursive: true });
  server = await TestServer.start({
    TESSERA_AUTH_KEYS: `${KEY.id}:${KEY.secret}`,
    TESSERA_RECORDING_ANNOUNCE: 'tone',
  });
  browser = await launchBrowser({ colour: 'red', frequency: 440 });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

const tokenFor = (role: Role, identity: string) =>
  signToken(KEY, { identity, video: videoGrantFor(ROOM, role), seconds: 600 });

async function open(role: Role, name: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1100, height: 760 } });
  page.on('pageerror', (error) => console.error(`page: ${error.message}`));
  await page.goto(`${server.url}/?room=${ROOM}#token=${await tokenFor(role, name)}`);
  // A person who joins before the camera is ready sends no video.
  await waitFor('the preview', () =>
    page.evaluate(
      () => (document.querySelector<HTMLVideoElement>('#preview')?.videoWidth ?? 0) > 0,
    ),
  );
  await page.fill('#name', name);
  await page.click('button[type=submit]:has-text("Join")');
  await waitFor('the composite', () =>
    page.evaluate(
      () => (document.querySelector<HTMLVideoElement>('#composite')?.videoWidth ?? 0) > 0,
    ),
  );
  return page;
}

const shown = (page: Page) => page.locator('#rec').textContent();
const panel = (page: Page) => page.locator('#recordings');
const press = (page: Page, text: string) =>
  panel(page).locator('button', { hasText: text }).click();

test('a host records, pauses and stops; a guest sees it; the recording plays and can be deleted', async () => {
  const host = await open('host', 'Hana');
  const guest = await open('participant', 'Gus');
  expect(await host.locator('#rec').isVisible()).toBe(false);
  await host.click('#recordings-button');
  await press(host, 'Record');
  for (const page of [host, guest]) {
    await waitFor('the mark', async () => (await shown(page)) === 'Recording');
  }
  await host.waitForTimeout(2500);
  await host.screenshot({ path: `${CACHE}page-recording.png` });
  await press(host, 'Pause');
  await waitFor('the pause', async () => (await shown(guest)) === 'Recording paused');
  await press(host, 'Resume');
  await waitFor('the mark', async () => (await shown(guest)) === 'Recording');
  await host.waitForTimeout(1500);
  await press(host, 'Stop recording');
  await waitFor('the end', async () => !(await guest.locator('#rec').isVisible()));
  const video = panel(host).locator('video');
  await video.waitFor({ timeout: 30_000 });
  expect(await panel(host).locator('li span').textContent()).toMatch(/0:0\d, \d+/);
  // Chromium plays it, and can go anywhere in it.
  await video.evaluate((element: HTMLVideoElement) => element.play());
  await waitFor('it to play', () =>
    video.evaluate((element: HTMLVideoElement) => element.currentTime > 0.5),
  );
  const length = await video.evaluate((element: HTMLVideoElement) => element.duration);
  expect(length).toBeGreaterThan(3);
  await video.evaluate((element: HTMLVideoElement) => {
    element.pause();
    element.currentTime = element.duration - 0.5;
  });
  await waitFor('the seek', () =>
    video.evaluate((element: HTMLVideoElement) => !element.seeking && element.currentTime > 2),
  );
  const colour = () =>
    video.evaluate((element: HTMLVideoElement) => {
      const context = new OffscreenCanvas(2, 2).getContext('2d');
      context?.drawImage(
        element,
        element.videoWidth * 0.25,
        element.videoHeight * 0.4,
        2,
        2,
        0,
        0,
        2,
        2,
      );
      return [...(context?.getImageData(0, 0, 1, 1).data ?? [])];
    });
  await waitFor('its picture', async () => {
    const [red = 0, green = 0] = await colour();
    return red > 150 && green < 90;
  });
  await host.screenshot({ path: `${CACHE}page-recordings.png` });
  const download = panel(host).locator('a', { hasText: 'Download' });
  const [saved] = await Promise.all([host.waitForEvent('download'), download.click()]);
  expect(saved.suggestedFilename()).toMatch(/^\d{14}-[0-9a-f]{12}-composite\.mp4$/);
  expect(readFileSync(await saved.path()).toString('latin1', 4, 8)).toBe('ftyp');
  // Guests may not.
  await guest.click('#recordings-button');
  await waitFor('the refusal', async () =>
    (await panel(guest).textContent())?.includes('Only hosts'),
  );
  await press(host, 'Delete');
  await press(host, 'Really delete?');
  await waitFor('none to be left', async () =>
    (await panel(host).textContent())?.includes('There are none yet'),
  );
  await host.click('#leave');
  await guest.click('#leave');
});

test('tokens decide who may record and play', async () => {
  const token = (video: object) => signToken(KEY, { identity: 'x', video, seconds: 60 });
  const admin = await token({ roomCreate: true, roomList: true, room: 'doors', roomAdmin: true });
  await callApi(server, 'POST', '/rooms', { token: admin, body: { name: 'doors' } });
  const player = await token({ room: 'doors', roomPlayback: true });
  const recorder = await token({ room: 'doors', roomRecord: true });
  const elsewhere = await token({ room: 'windows', roomRecord: true });
  const path = '/rooms/doors/recordings';
  const status = async (method: string, at: string, given?: string, body?: object) =>
    (await callApi(server, method, at, { token: given, body })).status;
  expect(await status('GET', path)).toBe(401);
  expect(await status('GET', path, elsewhere)).toBe(403);
  expect(await status('GET', path, player)).toBe(200);
  expect(await status('POST', path, player, {})).toBe(403);
  const begun = await callApi(server, 'POST', path, { token: recorder, body: {} });
  expect(begun.status).toBe(201);
  const one = `/recordings/${begun.body.id}`;
  expect(await status('GET', one, player)).toBe(200);
  expect(await status('GET', one, elsewhere)).toBe(403);
  expect(await status('POST', `${one}/stop`, player)).toBe(403);
  expect(await status('GET', '/recordings', recorder)).toBe(403);
  expect(await status('GET', '/recordings', admin)).toBe(200);
  // Without the right to see a recording the answer is the same whether it exists or not.
  expect(await status('GET', '/recordings/20260101000000-000000000000', elsewhere)).toBe(403);
  expect(await status('POST', `${one}/stop`, recorder)).toBe(200);
});

test('hls.js plays the live output', async () => {
  const live = await TestServer.start({ TESSERA_LIVE_KEYFRAME_SECONDS: '2' });
  onTestFinished(() => live.close());
  const bot = await Bot.join(live, { room: 'show', name: 'Ana', colour: 'green', frequency: 440 });
  onTestFinished(() => bot.leave());
  const { body } = await callApi(live, 'POST', '/rooms/show/outputs', { body: { url: 'hls' } });
  const page = await browser.newPage();
  await page.goto(`${live.url}/healthz`);
  await page.setContent('<video id="player" width="640"></video>');
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve('hls.js') });
  await waitFor(
    'a playlist',
    async () => (await fetch(`${live.url}${body.destination}`)).ok,
    60_000,
  );
  await page.evaluate((url) => {
    const { Hls } = window as unknown as {
      Hls: new () => { loadSource(url: string): void; attachMedia(v: unknown): void };
    };
    const player = document.querySelector<HTMLVideoElement>('#player');
    const hls = new Hls();
    hls.loadSource(url);
    hls.attachMedia(player);
    player?.play();
  }, `${live.url}${body.destination}`);
  const state = () =>
    page.evaluate(() => {
      const player = document.querySelector<HTMLVideoElement>('#player') as HTMLVideoElement;
      const context = new OffscreenCanvas(2, 2).getContext('2d');
      context?.drawImage(player, player.videoWidth / 2, player.videoHeight * 0.4, 2, 2, 0, 0, 2, 2);
      const [r = 0, g = 0] = context?.getImageData(0, 0, 1, 1).data ?? [];
      return { time: player.currentTime, width: player.videoWidth, green: g > 120 && r < 90 };
    });
  await waitFor('it to play', async () => (await state()).time > 0.5, 60_000);
  const before = await state();
  await waitFor('it to go on', async () => (await state()).time > before.time + 4, 60_000);
  expect(await state()).toMatchObject({ width: 1280, green: true });
  await page.close();
}, 180_000);

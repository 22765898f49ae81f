/** Shared screens: whole and large, heard by everybody but the presenter, two side by side. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TileRegion } from '../../src/protocol/layout.js';
import type { ParticipantInfo } from '../../src/rooms/participant-info.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { launchBrowser } from '../support/browser.js';
import { CACHE, SCREEN_HEIGHT, SCREEN_MARK, SCREEN_WIDTH } from '../support/fixtures.js';
import { sleep, TestServer, waitFor } from '../support/server.js';

const ROOM = 'share';
const [ADA_TONE, BOB_TONE, SCREEN_TONE] = [440, 660, 1500];
let server: TestServer;
let ada: Bot;
let bob: Bot;
let viewer: Bot;
let browser: Browser;
beforeAll(async () => {
  server = await TestServer.start();
  ada = await Bot.join(server, { room: ROOM, name: 'Ada', colour: 'red', frequency: ADA_TONE });
  bob = await Bot.join(server, { room: ROOM, name: 'Bob', colour: 'green', frequency: BOB_TONE });
  viewer = await Bot.join(server, { room: ROOM, name: 'Viewer', viewer: true });
  browser = await launchBrowser({ colour: 'yellow', frequency: 880 });
});
afterAll(async () => {
  for (const bot of [ada, bob, viewer]) bot?.kill();
  await browser?.close();
  await server?.close();
});

const api = (method: string, path: string, body?: unknown) =>
  callApi(server, method, `/rooms/${ROOM}${path}`, { body });

interface Layout {
  readonly mode: string;
  readonly regions: readonly TileRegion[];
}

const layoutOf = async (): Promise<Layout> => (await api('GET', '/layout')).body;
const screensOf = ({ regions }: Layout) => regions.filter(({ role }) => role === 'screen');

const isBlue = ([r, g, b]: readonly number[]) => (b ?? 0) > 130 && (r ?? 0) < 110 && (g ?? 0) < 120;
const isWhite = (rgb: readonly number[]) => Math.min(...rgb) > 170;

/** Whether all of a screen is in its tile: its four corners, and blue beside each of them. */
async function isWhole({ x, y, width, height }: TileRegion): Promise<boolean> {
  const [tileWidth, tileHeight] = [width * 1280, height * 720];
  const scale = Math.min(tileWidth / SCREEN_WIDTH, tileHeight / SCREEN_HEIGHT);
  const [wide, high] = [(SCREEN_WIDTH * scale) / 1280, (SCREEN_HEIGHT * scale) / 720];
  const [left, top] = [x + (width - wide) / 2, y + (height - high) / 2];
  for (const [right, bottom] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ]) {
    const at = (share: number) =>
      viewer.colourAt(
        left + wide * (right ? 1 - share / SCREEN_WIDTH : share / SCREEN_WIDTH),
        top + high * (bottom ? 1 - share / SCREEN_HEIGHT : share / SCREEN_HEIGHT),
      );
    // The label lies over the corner at the bottom left.
    if (!(bottom && !right) && !isWhite(await at(SCREEN_MARK / 2))) return false;
    if (!isBlue(await at(SCREEN_MARK * 2.5))) return false;
  }
  return isBlue(await viewer.colourAt(x + width / 2, y + height / 2));
}

test('a shared screen is presented whole and large, with people in a strip', async () => {
  expect((await layoutOf()).mode).toBe('grid');
  await ada.share(SCREEN_TONE);
  const found = await waitFor('the presentation', async () => {
    const layout = await layoutOf();
    const [screen] = screensOf(layout);
    return screen && layout.mode === 'presentation' && (await isWhole(screen)) ? layout : undefined;
  });
  const [screen, ...people] = found.regions as [TileRegion, ...TileRegion[]];
  expect(screen).toMatchObject({ role: 'screen', source: 'screen_share', fit: 'letterbox' });
  expect(screen.width * screen.height).toBeGreaterThan(0.6);
  expect(people.map(({ source, role }) => [source, role])).toEqual([
    ['camera', 'participant'],
    ['camera', 'participant'],
  ]);
  for (const [index, wanted] of [0, 1].entries()) {
    const { x, y, width, height } = people[index] as TileRegion;
    await waitFor('the strip', async () => {
      const rgb = await viewer.colourAt(x + width / 2, y + height / 2);
      return rgb[wanted] === Math.max(...rgb);
    });
  }
  const { body } = await api('GET', '/participants');
  expect(body.map(({ name, screen }: ParticipantInfo) => [name, screen])).toEqual([
    ['Ada', true],
    ['Bob', false],
    ['Viewer', false],
  ]);
});

test('everybody but the presenter hears its audio', async () => {
  await waitFor('its sound', async () => (await bob.toneLevel(SCREEN_TONE)) > -25);
  await waitFor('its sound', async () => (await viewer.toneLevel(SCREEN_TONE)) > -25);
  await waitFor('others', async () => (await ada.toneLevel(BOB_TONE)) > -25);
  expect(await ada.toneLevel(SCREEN_TONE)).toBeLessThan(-60);
  expect(await ada.toneLevel(ADA_TONE)).toBeLessThan(-60);
  expect(await viewer.toneLevel(ADA_TONE)).toBeGreaterThan(-25);
});

test('two shared screens are side by side, both whole', async () => {
  await bob.share(2100);
  const found = await waitFor('two screens', async () => {
    const layout = await layoutOf();
    const screens = screensOf(layout);
    if (screens.length !== 2) return undefined;
    for (const screen of screens) if (!(await isWhole(screen))) return undefined;
    return screens;
  });
  const [one, two] = found as [TileRegion, TileRegion];
  expect(two.x).toBeGreaterThanOrEqual(one.x + one.width);
  expect([two.y, two.width, two.height]).toEqual([one.y, one.width, one.height]);
  await bob.stopSharing();
  await waitFor('one screen', async () => screensOf(await layoutOf()).length === 1);
});

test('another layout can be chosen meanwhile; a host stops a share; then the layout returns', async () => {
  await api('PATCH', '/layout', { mode: 'grid' });
  await waitFor('the screen in the grid', async () => {
    const { mode, regions } = await layoutOf();
    const screen = regions.find(({ role, width }) => role === 'screen' && width < 0.5);
    return mode === 'grid' && screen && regions.length === 3 && (await isWhole(screen));
  });
  await api('PATCH', '/layout', { mode: 'presentation' });
  const { body } = await api('GET', '/participants');
  const { id } = body.find(({ name }: { name: string }) => name === 'Ada');
  await api('PATCH', '/layout', { mode: 'spotlight', pinned: [`${id}:screen`] });
  await waitFor('the pinned screen', async () => {
    const { regions } = await layoutOf();
    return regions.length === 1 && regions[0]?.role === 'screen';
  });
  await api('PATCH', '/layout', { mode: 'grid', pinned: [] });
  expect((await api('POST', `/participants/${id}/mute`, { screen: true })).status).toBe(204);
  await waitFor('people alone', async () => {
    const layout = await layoutOf();
    return layout.mode === 'grid' && layout.regions.length === 2;
  });
  await waitFor('silence', async () => (await viewer.toneLevel(SCREEN_TONE)) < -60);
  // It may be shared again, over the same connection.
  await ada.stopSharing();
  await ada.share(SCREEN_TONE);
  await waitFor('it to be back', async () => {
    const [again] = screensOf(await layoutOf());
    return again !== undefined && (await isWhole(again));
  });
  await ada.stopSharing();
  await waitFor('people alone', async () => (await layoutOf()).regions.length === 2);
});

test('the page shares a screen, and stops', async () => {
  const page = await browser.newPage();
  await page.goto(`${server.url}/?room=${ROOM}&name=Cy`);
  await page.waitForFunction('document.querySelector("#preview").videoWidth > 0');
  await page.click('text=Join');
  await page.waitForFunction('document.querySelector("#composite").videoWidth > 0');
  // In place of the browser's own dialogue, which asks for a display that there is not.
  await page.evaluate(`navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1600, height: 900 });
    const context = canvas.getContext('2d');
    setInterval(() => {
      context.fillStyle = '#2838d2';
      context.fillRect(0, 0, 1600, 900);
      context.fillStyle = 'white';
      context.font = '60px sans-serif';
      context.fillText('Quarterly report ' + Math.floor(performance.now() / 1000), 200, 300);
    }, 200);
    return canvas.captureStream(5);
  }`);
  await page.click('text=Share screen');
  await waitFor('the share', async () => {
    const [screen] = screensOf(await layoutOf());
    if (!screen) return false;
    const { x, y, width, height } = screen;
    return isBlue(await viewer.colourAt(x + width / 2, y + height * 0.75));
  });
  await sleep(1500);
  await page.screenshot({ path: `${CACHE}page-presentation.png` });
  await page.click('#screen');
  await waitFor('people alone', async () => screensOf(await layoutOf()).length === 0);
  await page.close();
});

/**
 * What lies over, behind and in place of the video: title, clock, recording mark, logo, watermark,
 * avatars, custom layouts with round corners, borders and a background image; as a libwebrtc viewer
 * decodes it.
 */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TileRegion } from '../../src/protocol/layout.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { launchBrowser } from '../support/browser.js';
import { CACHE } from '../support/fixtures.js';
import { paint, withOrientation } from '../support/images.js';
import { sleep, TestServer, waitFor } from '../support/server.js';

const ROOM = 'overlays';
let server: TestServer;
let ada: Bot;
let bob: Bot;
let viewer: Bot;
let browser: Browser;
beforeAll(async () => {
  server = await TestServer.start();
  ada = await Bot.join(server, { room: ROOM, name: 'Ada', colour: 'red', audio: false });
  bob = await Bot.join(server, { room: ROOM, name: 'Bob', video: false, audio: false });
  viewer = await Bot.join(server, { room: ROOM, name: 'Viewer', viewer: true });
  browser = await launchBrowser({ colour: 'red', frequency: 440 });
});
afterAll(async () => {
  for (const bot of [ada, bob, viewer]) bot?.kill();
  await browser?.close();
  await server?.close();
});

const patch = (path: string, body: unknown) =>
  callApi(server, 'PATCH', `/rooms/${ROOM}${path}`, { body });

async function upload(path: string, bytes: Buffer, type = 'image/png'): Promise<void> {
  const response = await fetch(`${server.url}/v1/rooms/${ROOM}${path}`, {
    method: 'PUT',
    headers: { 'content-type': type },
    body: new Uint8Array(bytes),
  });
  expect(response.status).toBeLessThan(300);
}

async function screenshot(name: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${server.url}/?room=${ROOM}&name=Shot&viewer`);
  await page.click('text=Join');
  await page.waitForFunction('document.querySelector("#composite").videoWidth > 0');
  await sleep(1500);
  await (await page.$('#composite'))?.screenshot({ path: `${CACHE}${name}.png` });
  await page.close();
}

type Rgb = readonly [number, number, number];
const at = (x: number, y: number) => viewer.colourAt(x / 1280, y / 720) as Promise<Rgb>;
const isNear = (one: Rgb, other: Rgb, most = 24) =>
  one.every((value, index) => Math.abs(value - (other[index] as number)) <= most);
const GREEN: Rgb = [0, 200, 0];
const BLUE: Rgb = [0, 0, 220];
const RED: Rgb = [200, 30, 30];

test('title, clock, recording mark, logo and watermark are blended over the picture once', async () => {
  await patch('/layout', { mode: 'spotlight' });
  await waitFor('the picture', async () => isNear(await at(640, 200), RED));
  await upload('/images/logo', paint(200, 100, '#00c800'));
  await upload('/images/mark', paint(300, 300, '#0000dc'));
  const overlays = {
    title: 'Plenarsitzung 全体会議',
    clock: { timeZone: 'Asia/Tokyo' },
    recording: true,
    logo: { image: 'logo', corner: 'bottom-right', height: 0.1 },
    watermark: { image: 'mark', opacity: 0.5, height: 0.2 },
  };
  expect((await patch('', { overlays })).status).toBe(200);
  // 144 by 72 pixels, 14 from the corner.
  await waitFor('the logo', async () => isNear(await at(1280 - 14 - 72, 720 - 14 - 36), GREEN));
  const mixed = await waitFor('the watermark', async () => {
    const rgb = await at(640, 360);
    return isNear(rgb, [100, 15, 125], 30) ? rgb : undefined;
  });
  for (const [x, y] of [
    [20, 32],
    [1260, 32],
  ] as const) {
    const rgb = await at(x, y);
    expect(Math.max(...rgb)).toBeLessThan(120);
  }
  // Half of it is the picture below, in every frame again: nothing adds up.
  await sleep(1500);
  expect(isNear(await at(640, 360), mixed, 8)).toBe(true);
  expect(isNear(await at(640, 200), RED)).toBe(true);
  await screenshot('overlays');
  await patch('', { overlays: {} });
  await waitFor('all of it to go', async () => {
    const rgb = [await at(640, 360), await at(1194, 670), await at(20, 32)];
    return rgb.every((one) => isNear(one, RED));
  });
});

test('an avatar replaces the initials; a rotated photo is upright', async () => {
  await patch('/layout', { mode: 'grid' });
  const { body } = await callApi(server, 'GET', `/rooms/${ROOM}/participants`);
  const { id } = body.find(({ name }: { name: string }) => name === 'Bob');
  // Green with a blue upper left quarter; turned by 90 degrees that is the upper right one.
  const photo = paint(400, 200, '#00c800', '#0000dc', 'image/jpeg');
  await upload(`/participants/${id}/avatar`, withOrientation(photo, 6), 'image/jpeg');
  const { x, y, width, height } = await waitFor('his tile', async () => {
    const { regions } = (await callApi(server, 'GET', `/rooms/${ROOM}/layout`)).body;
    return regions.length === 2 && regions.find((one: TileRegion) => one.participant === id);
  });
  const [cx, cy] = [(x + width / 2) * 1280, (y + height * 0.46) * 720];
  const off = height * 720 * 0.1;
  await waitFor('the avatar', async () => {
    const [upperRight, lower] = [await at(cx + off, cy - off), await at(cx - off, cy + off)];
    return isNear(upperRight, BLUE, 40) && isNear(lower, GREEN, 40);
  });
  await callApi(server, 'DELETE', `/rooms/${ROOM}/participants/${id}/avatar`);
  await waitFor('initials', async () => !isNear(await at(cx - off, cy + off), GREEN, 40));
});

test('a custom layout has a background, round corners, borders and overlapping tiles', async () => {
  await upload('/images/wall', paint(640, 360, '#0000dc'));
  const custom = {
    image: 'wall',
    regions: [
      { x: 0.1, y: 0.1, width: 0.5, height: 0.6, role: 'participant', identity: 'nobody' },
      { x: 0.1, y: 0.1, width: 0.5, height: 0.5, role: 'participant', radius: 0.2 },
      {
        x: 0.5,
        y: 0.5,
        width: 0.3,
        height: 0.4,
        role: 'participant',
        z: 1,
        radius: 0.1,
        border: { width: 0.02, colour: '#00c800' },
      },
    ],
  };
  expect((await patch('/layout', { mode: 'custom', custom })).status).toBe(200);
  // Ada at 128, 72, 640 by 360; Bob at 640, 360, 384 by 288, over her.
  await waitFor('the wall', async () => isNear(await at(1200, 100), BLUE));
  await waitFor('Ada', async () => isNear(await at(400, 150), RED));
  await waitFor('her round corner', async () => isNear(await at(132, 76), BLUE));
  expect(isNear(await at(762, 76), BLUE)).toBe(true);
  await waitFor('his border', async () => isNear(await at(644, 500), GREEN, 40));
  // His corner lies over her tile: what shows outside of its arc is her red, frame after frame.
  await sleep(1000);
  expect(isNear(await at(643, 363), RED, 60)).toBe(true);
  expect(isNear(await at(1020, 363), BLUE, 60)).toBe(true);
  await screenshot('custom');
  for (const [bad, code, field] of [
    [{ mode: 'custom', custom: { regions: [] } }, 'bad_request', '/body/custom/regions'],
    [
      { custom: { regions: [{ x: 0, y: 0, width: 2, height: 1, role: 'speaker' }] } },
      'bad_request',
      '/body/custom/regions/0/width',
    ],
    [
      { custom: { regions: [{ x: 0, y: 0, width: 1, height: 1, role: 'king' }] } },
      'bad_request',
      '/body/custom/regions/0/role',
    ],
    [
      { custom: { background: 'red', regions: custom.regions } },
      'bad_request',
      '/body/custom/background',
    ],
    [{ custom: { ...custom, image: 'none' } }, 'image_not_found', undefined],
  ] as const) {
    const { status, body } = await patch('/layout', bad);
    expect([bad, status >= 400, body.code]).toEqual([bad, true, code]);
    if (field) expect(body.errors.map((one: { field: string }) => one.field)).toContain(field);
  }
  expect((await callApi(server, 'GET', `/rooms/${ROOM}/layout`)).body.mode).toBe('custom');
  await patch('/layout', { mode: 'grid' });
});

/** Simulcast from a real Chromium: of each camera the smallest layer that covers its tile is decoded. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { CallPage, launchBrowser } from '../support/browser.js';
import { isColour, tile } from '../support/expect-media.js';
import { TestServer, waitFor } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.close());

test('the layer follows the size of the tile, without a gap in the picture', async () => {
  const browser = await launchBrowser();
  const room = 'simulcast';
  const drawn = { width: 1280, height: 720, colour: 'rgb(30,160,40)' };
  const page = await CallPage.join(browser, server, { room, name: 'Ada', audio: false, drawn });
  const counters = async () =>
    (await server.room(room))?.participants.find(({ name }) => name === 'Ada')?.counters ?? {};
  const height = (wanted: number) =>
    waitFor(
      `the layer of ${wanted} lines`,
      async () => (await counters()).video_height === wanted,
      60_000,
    );
  // Chromium takes a canvas' picture in full-range BT.709, and says so in a header extension.
  const shown = (of: number) =>
    waitFor('green', async () => isColour(await page.colourAt(tile(0, of)), 'green'), 30_000);
  await height(720);
  await shown(1);

  const others: RtpClient[] = [];
  const fill = async (count: number) => {
    while (others.length < count) {
      const name = `Other ${others.length}`;
      others.push(await RtpClient.join({ url: server.signalUrl, room, name, watch: false }));
    }
  };
  await fill(8);
  await height(360);
  await shown(9);
  // Packets of layers that no tile needs are dropped before decoding.
  const before = await counters();
  await page.video();
  const after = await waitFor('packets of paused layers', async () => {
    const now = await counters();
    return (now.video_packets_paused ?? 0) > (before.video_packets_paused ?? 0) && now;
  });
  expect((after.video_frames_lost ?? 0) - (before.video_frames_lost ?? 0)).toBe(0);

  // The browser stops encoding layers that are larger than the tile.
  const sent = (wanted: readonly number[]) =>
    waitFor(
      `layers of ${wanted} lines and no others`,
      async () => (await page.sentLayers()).join() === wanted.join(),
      60_000,
    );
  await sent([180, 360]);

  await fill(15);
  await height(180);
  await shown(16);
  await sent([180]);
  // The picture moved all the while.
  expect((await page.video()).longestGapMs).toBeLessThan(1000);
  await Promise.all(others.map((other) => other.close()));
  await height(720);
  await sent([180, 360, 720]);
  await browser.close();
}, 240_000);

test('a browser that cannot change its layers reports an error, and the call goes on', async () => {
  const browser = await launchBrowser();
  const room = 'fixed-layers';
  const drawn = { width: 1280, height: 720, colour: 'rgb(30,160,40)' };
  const page = await CallPage.join(browser, server, { room, name: 'Ada', audio: false, drawn });
  await waitFor('green', async () => isColour(await page.colourAt(tile(0, 1)), 'green'), 30_000);
  await page.page.evaluate(() => {
    RTCRtpSender.prototype.setParameters = () => Promise.reject(new Error('not today'));
  });
  const names = Array.from({ length: 8 }, (_, index) => `Other ${index}`);
  const others = await Promise.all(
    names.map((name) => RtpClient.join({ url: server.signalUrl, room, name, watch: false })),
  );
  await waitFor('the error', async () => (await page.errors()).includes('camera_layers'), 30_000);
  await waitFor('green', async () => isColour(await page.colourAt(tile(0, 9)), 'green'), 30_000);
  expect(await page.states()).toEqual([]);
  await Promise.all(others.map((other) => other.close()));
  await browser.close();
}, 120_000);

/** The composite in codecs that are only there by setting, in a real Chromium. */
import { expect, onTestFinished, test } from 'vitest';
import { Bot } from '../support/bot.js';
import { CallPage, launchBrowser } from '../support/browser.js';
import { isColour, tile } from '../support/expect-media.js';
import { TestServer, waitFor } from '../support/server.js';

test.each(['vp9', 'av1'] as const)(
  '%s: both tiles, moving, and the smaller renditions too',
  async (codec) => {
    const server = await TestServer.start({ TESSERA_VIDEO_CODECS: `${codec},vp8` });
    onTestFinished(() => server.close());
    const browser = await launchBrowser({ colour: 'red', frequency: 440 });
    onTestFinished(() => browser.close());
    const page = await CallPage.join(browser, server, { room: 'codec', name: 'Page' });
    const bot = await Bot.join(server, { room: 'codec', name: 'Bot', colour: 'green' });
    onTestFinished(() => bot.kill());
    const sees = (what: string) =>
      waitFor(
        what,
        async () =>
          isColour(await page.colourAt(tile(0, 2)), 'red') &&
          isColour(await page.colourAt(tile(1, 2)), 'green'),
        60_000,
      );
    await sees('both tiles');
    expect((await page.video()).codec).toBe(`video/${codec.toUpperCase()}`);
    for (const [rendition, width, least] of [
      ['640x360@30', 640, 15],
      ['320x180@15', 320, 15],
      ['lifeline', 320, 1],
      ['auto', 1280, 15],
    ] as const) {
      await page.receive({ rendition });
      await waitFor(
        `a width of ${width}`,
        async () => (await page.video()).width === width,
        30_000,
      );
      await sees(`both tiles in ${rendition}`);
      const decoded = async () => (await page.inboundStats())['video.framesDecoded'] ?? 0;
      const before = await decoded();
      await waitFor(
        `${least} frames of ${rendition} in 3 s`,
        async () => (await decoded()) - before >= least,
        3000,
      );
    }
  },
  180_000,
);

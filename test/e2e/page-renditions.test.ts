/** The page receives what its window, its tab and the data saver need, and no more. */
import { expect, onTestFinished, test } from 'vitest';
import { launchBrowser } from '../support/browser.js';
import { CACHE } from '../support/fixtures.js';
import { TestServer, waitFor } from '../support/server.js';

/** Of the default ladder. */
const [P720, P360, P180, AUDIO] = [0, 1, 2, -1] as const;

test('a small window, a hidden tab and the data saver reduce the rendition, and it comes back', async () => {
  const server = await TestServer.start();
  onTestFinished(() => server.close());
  const countersOf = async (name: string) =>
    (await server.room(room))?.participants.find((one) => one.name === name)?.counters ?? {};
  const room = 'window';
  const browser = await launchBrowser({ colour: 'red', frequency: 440 });
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${server.url}/?room=${room}&name=Ada`);
  await page.waitForFunction('document.querySelector("#preview").videoWidth > 0');
  await page.click('text=Join');
  const rendition = async () => (await countersOf('Ada')).video_rendition;
  const settle = (what: string, wanted: number) =>
    waitFor(what, async () => (await rendition()) === wanted, 30_000);
  await settle('the whole picture', P720);
  await page.setViewportSize({ width: 600, height: 800 });
  await settle('a small window', P360);
  // Nothing lies beyond the edge of the page.
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(600);
  await page.screenshot({ path: `${CACHE}page-narrow.png` });
  await page.setViewportSize({ width: 1280, height: 800 });
  await settle('the whole picture', P720);
  await page.click('#saver');
  await settle('the data saver', P180);
  await page.click('#saver');
  await settle('the whole picture', P720);
  // Headless tabs are never hidden: the test sets the state.
  const hide = (state: string) =>
    page.evaluate(`
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' });
      document.dispatchEvent(new Event('visibilitychange'));
    `);
  await hide('hidden');
  await settle('sound alone', AUDIO);
  expect((await countersOf('Ada')).audio_low_rate).toBe(0);
  await hide('visible');
  await settle('the whole picture', P720);
}, 120_000);

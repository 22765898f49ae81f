/** The page's tiles as things: named, clickable, in reach of the keyboard; and its chat. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { launchBrowser } from '../support/browser.js';
import { CACHE } from '../support/fixtures.js';
import { TestServer, waitFor } from '../support/server.js';

const ROOM = 'tiles';
let server: TestServer;
let browser: Browser;
let ada: Page;
let cy: Page;
let bob: Bot;

async function open(name: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
  await page.goto(`${server.url}/?room=${ROOM}&name=${name}`);
  await page.waitForFunction('document.querySelector("#preview").videoWidth > 0');
  await page.click('text=Join');
  await page.waitForFunction('document.querySelector("#composite").videoWidth > 0');
  return page;
}

beforeAll(async () => {
  server = await TestServer.start();
  browser = await launchBrowser({ colour: 'red', frequency: 440 });
  bob = await Bot.join(server, { room: ROOM, name: 'Bob', colour: 'blue', frequency: 660 });
  ada = await open('Ada');
  cy = await open('Cy');
});
afterAll(async () => {
  bob?.kill();
  await browser?.close();
  await server?.close();
});

interface TileFound {
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const tilesOf = (page: Page) =>
  page.evaluate(`[...document.querySelectorAll('#tiles button')].map((button) => {
    const { x, y, width, height } = button.getBoundingClientRect();
    return { label: button.getAttribute('aria-label'), x, y, width, height };
  })`) as Promise<TileFound[]>;

const layout = async () => (await callApi(server, 'GET', `/rooms/${ROOM}/layout`)).body;

test('every tile is a button at its place, with an accessible name', async () => {
  const tiles = await waitFor('three tiles', async () => {
    const found = await tilesOf(ada);
    return found.length === 3 && found.some(({ label }) => /Bob.*speaking/.test(label)) && found;
  });
  expect(tiles.map(({ label }) => label.split(',')[0]).sort()).toEqual(['Ada', 'Bob', 'Cy']);
  expect(tiles.find(({ label }) => label.startsWith('Ada'))?.label).toContain('you');
  const composite = (await ada.evaluate(`(() => {
    const { x, y, width, height } = document.querySelector('#composite').getBoundingClientRect();
    return { x, y, width, height };
  })()`)) as TileFound;
  const scale = Math.min(composite.width / 1280, composite.height / 720);
  const left = composite.x + (composite.width - 1280 * scale) / 2;
  const top = composite.y + (composite.height - 720 * scale) / 2;
  // They may be on their way still.
  await waitFor('them to be there', async () => {
    const { regions } = await layout();
    const found = await tilesOf(ada);
    return regions.every((region: TileFound, index: number) => {
      const tile = found[index] as TileFound;
      const sides = [
        tile.x - left - region.x * 1280 * scale,
        tile.y - top - region.y * 720 * scale,
        tile.width - region.width * 1280 * scale,
        tile.height - region.height * 720 * scale,
      ];
      return sides.every((off) => Math.abs(off) < 2);
    });
  });
  await bob.mute({ mic: false });
  await waitFor('the mute', async () =>
    (await tilesOf(ada)).some(({ label }) => /^Bob, muted/.test(label)),
  );
});

test('a click pins and unpins a tile; keys do the same', async () => {
  await callApi(server, 'PATCH', `/rooms/${ROOM}/layout`, { body: { mode: 'speaker' } });
  await ada.click('#tiles button[aria-label^="Bob"]');
  await waitFor('the pin', async () => {
    const { pinned, regions } = await layout();
    return pinned.length === 1 && regions[0].participant === pinned[0] && regions[0].width > 0.6;
  });
  await waitFor('its name', async () =>
    (await tilesOf(ada)).some(({ label }) => /Bob.*pinned/.test(label)),
  );
  await ada.focus('#tiles button[aria-label^="Bob"]');
  await ada.keyboard.press('Enter');
  await waitFor('it to let go', async () => (await layout()).pinned.length === 0);
  await ada.screenshot({ path: `${CACHE}page-tiles.png` });
});

test('chat works; the region map comes over the data channel', async () => {
  await ada.click('#chat-button');
  await ada.fill('#chat-line', 'Hallo, 世界 👋 <i>');
  await ada.keyboard.press('Enter');
  const textsOf = (page: Page) =>
    page.evaluate(`[...document.querySelectorAll('#chat-list p')].map((p) => p.textContent)`);
  await waitFor('the text', async () => ((await textsOf(cy)) as string[]).length === 1);
  expect(await textsOf(cy)).toEqual(['Hallo, 世界 👋 <i>']);
  expect(await cy.textContent('#chat-button')).toBe('Chat (1)');
  await cy.click('#chat-button');
  await cy.fill('#chat-line', 'Servus');
  await cy.keyboard.press('Enter');
  await waitFor('the answer', async () => ((await textsOf(ada)) as string[]).length === 2);
  await ada.screenshot({ path: `${CACHE}page-chat.png` });
  // A late joiner gets the history.
  const late = await open('Late');
  await waitFor('the history', async () => ((await textsOf(late)) as string[]).length === 2);
  await late.close();
  const received = (await ada.evaluate(`(async () => {
    const stats = [...(await tessera.peerConnection.getStats()).values()];
    return stats.find(({ type }) => type === 'data-channel').messagesReceived;
  })()`)) as number;
  expect(received).toBeGreaterThan(3);
});

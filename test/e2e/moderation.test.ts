/** Hosts and guests at the page, in real browsers: links with tokens, the lobby, muting, removing. */
import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signToken, videoGrantFor } from '../../src/api/access-token.js';
import { makeKey } from '../../src/config/api-keys.js';
import type { Role } from '../../src/protocol/participants.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { launchBrowser } from '../support/browser.js';
import { CACHE } from '../support/fixtures.js';
import { TestServer, waitFor } from '../support/server.js';

const key = makeKey();
const browsers: Browser[] = [];
let server: TestServer;
beforeAll(async () => {
  mkdirSync(CACHE, { recursive: true });
  server = await TestServer.start({ TESSERA_AUTH_KEYS: `${key.id}:${key.secret}` });
});
afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server?.close();
});

const tokenFor = (room: string, identity: string, role: Role) =>
  signToken(key, { identity, video: videoGrantFor(room, role), seconds: 600 });

/** Opens the page with an invitation link. */
async function visit(name: string, hash: string, frequency: number): Promise<Page> {
  const colour = name === 'Host' ? 'red' : 'green';
  const browser = await launchBrowser({ colour, frequency });
  browsers.push(browser);
  const page = await browser.newPage({ viewport: { width: 1000, height: 700 } });
  await page.goto(`${server.url}/?room=page&name=${name}${hash}`);
  await waitFor('the preview', () =>
    page.evaluate(
      () => (document.querySelector<HTMLVideoElement>('#preview')?.videoWidth ?? 0) > 0,
    ),
  );
  return page;
}

const shows = (page: Page, selector: string, text: string) =>
  waitFor(`${text} in ${selector}`, async () =>
    ((await page.textContent(selector)) ?? '').includes(text),
  );

test('without a token the page says what is missing', async () => {
  const page = await visit('Nobody', '', 700);
  await page.click('text=Join');
  await shows(page, '#join-message', 'a token is needed');
});

test('a host lets a guest in, mutes them, asks them to unmute, and removes them', async () => {
  const video = { roomAdmin: true, roomCreate: true };
  const admin = await signToken(key, { video, seconds: 600 });
  await callApi(server, 'POST', '/rooms', { token: admin, body: { name: 'page', lobby: true } });
  const host = await visit('Host', `#token=${await tokenFor('page', 'host', 'host')}`, 440);
  await host.click('text=Join');
  await waitFor('the call', () => host.isVisible('#composite'));
  const listener = await Bot.join(server, {
    room: 'page',
    name: 'Listener',
    viewer: true,
    token: await tokenFor('page', 'listener', 'host'),
  });
  const guest = await visit(
    'Guest',
    `#token=${await tokenFor('page', 'guest', 'participant')}`,
    1000,
  );
  await guest.click('text=Join');
  await shows(guest, '#state', 'in the lobby');
  expect(await listener.toneLevel(1000)).toBeLessThan(-50);
  // The host is shown the lobby without having to look for it.
  await shows(host, '#panel', 'Waiting to come in');
  await host.screenshot({ path: `${CACHE}page-host.png` });
  await host.click('#panel >> text=Let in');
  await waitFor('the guest to be heard', async () => (await listener.toneLevel(1000)) > -35);
  await shows(guest, '#people', '3 here');

  const guestRow = host.locator('#panel li', { hasText: 'Guest' });
  await guestRow.getByText('Mute', { exact: true }).click();
  await waitFor('silence', async () => (await listener.toneLevel(1000)) < -50);
  await shows(guest, '#state', 'switched your microphone off');
  expect(await guest.getAttribute('#mic', 'aria-pressed')).toBe('false');
  await guestRow.getByText('Ask to unmute').click();
  await waitFor('the question', () => guest.isVisible('#ask'));
  await guest.screenshot({ path: `${CACHE}page-guest.png` });
  expect(await listener.toneLevel(1000)).toBeLessThan(-50);
  await guest.click('#ask-yes');
  await waitFor('the guest again', async () => (await listener.toneLevel(1000)) > -35);
  expect(await guest.getAttribute('#mic', 'aria-pressed')).toBe('true');

  await guest.click('#panel-button');
  await shows(guest, '#panel', 'Guest (you)');
  expect(await guest.locator('#panel button').count()).toBe(0);
  await guestRow.getByText('Remove').click();
  await shows(guest, '#join-message', 'a host removed you');
  await waitFor('silence', async () => (await listener.toneLevel(1000)) < -50);
  await guest.click('text=Join');
  await shows(guest, '#join-message', 'a host removed you');
  listener.kill();
});

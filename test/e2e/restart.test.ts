/** Clients rejoin a restarted server by themselves. */
import { expect, test } from 'vitest';
import { callApi } from '../support/api.js';
import { CallPage, launchBrowser } from '../support/browser.js';
import { isColour, tile } from '../support/expect-media.js';
import { sleep, TestServer, waitFor } from '../support/server.js';

test('after a restart under a live call both are back within 5 s, and mutes are kept', async () => {
  let server = await TestServer.start();
  const { port } = new URL(server.url);
  const browsers = [
    await launchBrowser({ colour: 'red', frequency: 440 }),
    await launchBrowser({ colour: 'blue', frequency: 1000 }),
  ];
  const room = 'restart';
  const ada = await CallPage.join(browsers[0] as never, server, { room, name: 'Ada' });
  const bob = await CallPage.join(browsers[1] as never, server, { room, name: 'Bob' });
  await waitFor('blue', async () => isColour(await ada.colourAt(tile(1, 2)), 'blue'));
  await bob.call('setMicEnabled', false);
  await waitFor('the server to know', async () => {
    const { body } = await callApi(server, 'GET', `/rooms/${room}/participants`);
    return body.some((one: { name: string; mic: boolean }) => one.name === 'Bob' && !one.mic);
  });
  await server.close();
  server = await TestServer.start({ TESSERA_PORT: port });
  const started = Date.now();
  const people = async () =>
    (await server.room(room))?.participants.filter(({ state }) => state === 'connected').length;
  await waitFor('both to be back', async () => (await people()) === 2, 20_000);
  const back = Date.now() - started;
  await waitFor('the pictures', async () => {
    const colours = await Promise.all([ada.colourAt(tile(0, 2)), ada.colourAt(tile(1, 2))]);
    const seen = (name: 'red' | 'blue') => colours.some((colour) => isColour(colour, name));
    return seen('red') && seen('blue');
  });
  console.log(`back ${back} ms after the server was`);
  expect(back).toBeLessThan(5000);
  await waitFor('Ada to be heard', async () => (await bob.toneLevel(440)) > -30);
  // Time in which Bob would be heard.
  await sleep(1500);
  expect(await ada.toneLevel(1000), 'Bob is muted').toBeLessThan(-50);
  for (const browser of browsers) await browser.close();
  await server.close();
});

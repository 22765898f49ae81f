/** Ways to connect other than UDP over IPv4, and connections that must not come about. */
import { afterEach, expect, test } from 'vitest';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { CallPage, launchBrowser } from '../support/browser.js';
import { isColour, tile } from '../support/expect-media.js';
import { ImpairedNetwork } from '../support/impaired-network.js';
import { sleep, TestServer, waitFor } from '../support/server.js';

let server: TestServer | undefined;
afterEach(() => server?.close());

test('a call over IPv6', async () => {
  server = await TestServer.start();
  const client = await RtpClient.join({
    url: server.signalUrl,
    room: 'six',
    name: 'Six',
    ipv6: true,
  });
  // Of an empty room: a still picture, and sound all the time.
  await waitFor('the composite', () => client.videoFrames > 3, 20_000);
  await waitFor('the mix', () => client.packetsReceived.audio > 100, 20_000);
  await client.close();
});

test('a client that is ICE-lite: the server makes the checks and chooses the pair', async () => {
  server = await TestServer.start();
  const client = await RtpClient.join({
    url: server.signalUrl,
    room: 'lite',
    name: 'Lite',
    iceLite: true,
  });
  await waitFor('the composite', () => client.videoFrames > 3, 20_000);
  await waitFor('the mix', () => client.packetsReceived.audio > 100, 20_000);
  await client.close();
});

test('a call of a browser over TCP, both ways', async () => {
  server = await TestServer.start({ TESSERA_ICE_TCP: 'on' });
  const network = await ImpairedNetwork.start(server);
  network.tcpOnly = true;
  const browser = await launchBrowser({ colour: 'blue', frequency: 440 });
  const { signalUrl } = network;
  const page = await CallPage.join(browser, server, { room: 'tcp', name: 'Ada', signalUrl });
  await waitFor('blue', async () => isColour(await page.colourAt(tile(0, 1)), 'blue'), 20_000);
  await page.video();
  await sleep(3000);
  expect((await page.video()).longestGapMs).toBeLessThan(1000);
  expect(network.up.counters.forwarded).toBe(0);
  await browser.close();
  network.close();
});

test('a certificate that is not the one of the offer ends the connection within a second', async () => {
  server = await TestServer.start();
  const started = Date.now();
  const alterOffer = (sdp: string) =>
    sdp.replace(
      /(a=fingerprint:sha-256 )(..)/g,
      (_, head, first) => `${head}${first === 'AA' ? 'BB' : 'AA'}`,
    );
  const client = await RtpClient.join({
    url: server.signalUrl,
    room: 'forged',
    name: 'Mallory',
    alterOffer,
    awaitConnection: false,
  });
  await waitFor('the refusal', () => client.errors.includes('connection_failed'), 10_000);
  // Connecting, the handshake, and at most a second for the refusal.
  expect(Date.now() - started).toBeLessThan(5000);
  expect(client.packetsReceived).toEqual({ audio: 0, video: 0 });
  const room = await server.room('forged');
  expect(room?.participants.some(({ state }) => state === 'connected')).toBe(false);
  await client.close();
});

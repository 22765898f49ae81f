/**
 * DTLS handshakes over a network that treats the parts of hellos badly: today's Chromium sends its hello in
 * two datagrams, aiortc in two records of one.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { CallPage, launchBrowser } from '../support/browser.js';
import { HelloGate, type HelloTreatment } from '../support/hello-gate.js';
import { ImpairedNetwork } from '../support/impaired-network.js';
import { TestServer, waitFor } from '../support/server.js';

const AIORTC = fileURLToPath(new URL('../support/aiortc-client.py', import.meta.url));

let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  server = await TestServer.start();
  browser = await launchBrowser({ colour: 'red', frequency: 440 });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

async function network(): Promise<ImpairedNetwork> {
  const started = await ImpairedNetwork.start(server);
  onTestFinished(() => started.close());
  return started;
}

test.each<HelloTreatment>(['swap', 'duplicate', 'lose the first parts', 'lose the second parts'])(
  'Chromium joins through a network that has this done to hellos: %s',
  async (treatment) => {
    const { up, signalUrl } = await network();
    const gate = new HelloGate(up, treatment);
    const room = `hello-${treatment.replaceAll(' ', '-')}`;
    const { page } = await CallPage.join(browser, server, { room, name: 'Page', signalUrl });
    // Both hellos were in two parts.
    expect(gate.seen).toBeGreaterThanOrEqual(4);
    expect(gate.treated).toBeGreaterThanOrEqual(2);
    await page.close();
  },
);

interface Seen {
  readonly frames: number;
  readonly state: string;
}

/** aiortc behind the network. @returns the latest of what it says. */
async function aiortc(
  kind: 'whip' | 'whep',
  room: string,
  path: ImpairedNetwork,
): Promise<() => Seen | undefined> {
  const child: ChildProcessWithoutNullStreams = spawn('/usr/bin/python3', [AIORTC, kind, 'blue']);
  onTestFinished(() => void child.kill('SIGKILL'));
  child.stderr.pipe(process.stderr);
  let seen: Seen | undefined;
  const offer = new Promise<string>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      const message = JSON.parse(line);
      if (message.offer) resolve(message.offer);
      else seen = message;
    });
  });
  const response = await fetch(`${server.url}/${kind}/${encodeURIComponent(room)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    // The server must not learn a way around the network.
    body: (await offer).replace(/a=candidate:.*\r\n/g, ''),
  });
  expect(response.status).toBe(201);
  const answer = await path.relayed(await response.text());
  child.stdin.write(`${JSON.stringify({ answer })}\n`);
  return () => seen;
}

test('aiortc joins with a hello in two records, by WHIP and by WHEP', async () => {
  const path = await network();
  const gate = new HelloGate(path.up, 'duplicate');
  const sender = await aiortc('whip', 'aiortc', path);
  const player = await aiortc('whep', 'aiortc', path);
  await waitFor('the sender to be connected', () => sender()?.state === 'connected', 20_000);
  await waitFor('pictures of the composite', () => (player()?.frames ?? 0) > 10, 20_000);
  await waitFor('frames of the sender', async () => {
    const room = await server.room('aiortc');
    const own = room?.participants.find(({ name }) => name === 'WHIP');
    return (own?.counters.video_frames_received ?? 0) > 10;
  });
  expect(gate.seen).toBeGreaterThanOrEqual(4);
});

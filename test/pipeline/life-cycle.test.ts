/** Readiness, draining, request ids and origins of the running server. */
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

let server: TestServer | undefined;
afterEach(() => server?.close());

async function readiness(of: TestServer): Promise<[number, string]> {
  const response = await fetch(`${of.url}/readyz`);
  return [response.status, ((await response.json()) as { status: string }).status];
}

test('pages of other origins may join only if they are allowed', async () => {
  server = await TestServer.start({ TESSERA_WEB_ORIGINS: 'https://friend.example' });
  expect(await Wire.upgrade(server, { origin: server.url })).toEqual([101]);
  expect(await Wire.upgrade(server, { origin: 'https://friend.example' })).toEqual([101]);
  expect(await Wire.upgrade(server, { origin: 'https://evil.example' })).toEqual([
    403,
    'origin_refused',
  ]);
  expect(await Wire.upgrade(server, { origin: 'null' })).toEqual([403, 'origin_refused']);
});

test('pages of any origin may import the SDK', async () => {
  server = await TestServer.start();
  const { headers } = await fetch(`${server.url}/sdk.js`);
  expect(headers.get('access-control-allow-origin')).toBe('*');
  expect(headers.get('content-type')).toContain('javascript');
});

test('requests keep a valid request id', async () => {
  server = await TestServer.start();
  const idOf = async (given: string) => {
    const headers = { 'x-request-id': given };
    return (await fetch(`${server?.url}/healthz`, { headers })).headers.get('x-request-id');
  };
  expect(await idOf('abc-123')).toBe('abc-123');
  expect(await idOf('no "quotes" {here}')).toMatch(/^[0-9a-f-]{36}$/);
});

test('a full server is not ready', async () => {
  server = await TestServer.start({ TESSERA_SERVER_MAX_ROOMS: '1' });
  expect(await readiness(server)).toEqual([200, 'ready']);
  const client = await RtpClient.join({ url: server.signalUrl, room: 'only', name: 'A' });
  expect(await readiness(server)).toEqual([503, 'full']);
  await client.close();
});

test('the first SIGTERM drains: people get a notice, no room begins, calls go on until they end', async () => {
  const running = await TestServer.start({ TESSERA_SERVER_DRAIN_SECONDS: '60' });
  server = running;
  const client = await RtpClient.join({ url: running.signalUrl, room: 'drained', name: 'A' });
  const notice = new Promise<{ seconds: number }>((resolve) => {
    client.socket.on('message', (text: Buffer) => {
      const message = JSON.parse(text.toString());
      if (message.type === 'notice' && message.code === 'draining') resolve(message);
    });
  });
  running.signal('SIGTERM');
  expect((await notice).seconds).toBe(60);
  expect(await readiness(running)).toEqual([503, 'draining']);
  const late = new WebSocket(running.signalUrl);
  await once(late, 'open');
  late.send(JSON.stringify({ type: 'join', room: 'new', name: 'B' }));
  const [answer] = (await once(late, 'message')) as [Buffer];
  expect(JSON.parse(answer.toString())).toMatchObject({ type: 'error', code: 'shutting_down' });
  late.close();
  // The room that is there goes on, and lets people in.
  const second = await RtpClient.join({ url: running.signalUrl, room: 'drained', name: 'C' });
  const before = client.packetsReceived.audio;
  await waitFor('sound', () => client.packetsReceived.audio > before + 50);
  expect(running.exitCode).toBeUndefined();
  for (const one of [client, second]) {
    one.send({ type: 'leave' });
    await one.close();
  }
  await waitFor('the end', () => running.exitCode === 0, 10_000);
});

test('a second signal ends the calls', async () => {
  const running = await TestServer.start({ TESSERA_SERVER_DRAIN_SECONDS: '60' });
  server = running;
  const client = await RtpClient.join({ url: running.signalUrl, room: 'ended', name: 'A' });
  running.signal('SIGTERM');
  await waitFor('draining', async () => (await readiness(running))[1] === 'draining');
  running.signal('SIGTERM');
  await waitFor('the end', () => running.exitCode !== undefined, 5000);
  await client.close();
});

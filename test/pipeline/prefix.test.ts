/** The server behind a reverse proxy that serves it below a path, with the prefix removed and left. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { signToken, videoGrantFor } from '../../src/api/access-token.js';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { makeKey } from '../../src/config/api-keys.js';
import { TestServer, waitFor } from '../support/server.js';

const PREFIX = '/tessera';

/** A proxy as nginx is one, without TLS. @returns its address, with the prefix. */
async function proxy(
  server: TestServer,
  { removes, says }: { removes: boolean; says: boolean },
): Promise<string> {
  const target = new URL(server.url);
  const port = Number(target.port);
  const pathOf = (url = '/') => (removes ? url.slice(PREFIX.length) || '/' : url);
  const added = {
    'x-forwarded-for': '192.0.2.7',
    ...(says ? { 'x-forwarded-prefix': `${PREFIX}/` } : {}),
  };
  const web = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, ...added };
    const to = request(
      { host: '127.0.0.1', port, method: incoming.method, path: pathOf(incoming.url), headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    incoming.pipe(to);
  });
  web.on('upgrade', (incoming, socket) => {
    const to = connect(port, '127.0.0.1');
    const headers = Object.entries({ ...incoming.headers, ...added });
    to.write(`GET ${pathOf(incoming.url)} HTTP/1.1\r\n`);
    to.write(`${headers.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`);
    socket.pipe(to).pipe(socket);
    for (const one of [socket, to]) one.on('error', () => {});
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    web.closeAllConnections();
    web.close();
  });
  return `http://127.0.0.1:${(web.address() as AddressInfo).port}${PREFIX}`;
}

test.each([
  ['removes the prefix and says it', { removes: true, says: true }, {}],
  [
    'leaves the prefix, which is set',
    { removes: false, says: false },
    { TESSERA_WEB_PREFIX: PREFIX },
  ],
])('page, API, signalling, WHIP and HLS work behind a proxy that %s', async (_, how, settings) => {
  const key = makeKey();
  const server = await TestServer.start({
    TESSERA_WEB_TRUST_PROXY: '127.0.0.1',
    TESSERA_AUTH_KEYS: `${key.id}:${key.secret}`,
    ...settings,
  });
  const admin = await signToken(key, {
    video: { roomCreate: true, roomList: true, roomAdmin: true, roomRecord: true },
    seconds: 600,
  });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${admin}` };
  onTestFinished(() => server.close());
  const base = await proxy(server, how);
  const page = await fetch(`${base}/`);
  expect(await page.text()).toContain('src="./assets/');
  expect((await fetch(`${base}/sdk.js`)).status).toBe(200);
  const created = await fetch(`${base}/v1/rooms`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ name: 'below' }),
  });
  expect([created.status, created.headers.get('location')]).toEqual([
    201,
    `${PREFIX}/v1/rooms/below`,
  ]);
  const client = await RtpClient.join({
    url: `${base.replace('http', 'ws')}/signal`,
    room: 'below',
    name: 'Client',
    codec: 'vp8',
    token: await signToken(key, {
      ...{ identity: 'client', video: videoGrantFor('below', 'participant'), seconds: 600 },
    }),
  });
  const output = await fetch(`${base}/v1/rooms/below/outputs`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ url: 'hls' }),
  });
  const { destination } = (await output.json()) as { destination: string };
  expect(destination).toMatch(/^\/tessera\/hls\/[\w-]{16}\/index\.m3u8$/);
  await waitFor(
    'the playlist',
    async () => (await fetch(new URL(destination, base))).status === 200,
    20_000,
  );
  await client.close();
  const unknown = await fetch(`${base}/whip/below/nothing`, { method: 'DELETE' });
  expect([unknown.status, (await unknown.json()).code]).toEqual([404, 'session_not_found']);
});

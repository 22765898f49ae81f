/** A capture of a real client, taken by the API, read back, and replayed by the command line. */
import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signToken, videoGrantFor } from '../../src/api/access-token.js';
import { makeKey } from '../../src/config/api-keys.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

const MAIN = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));
const key = makeKey();
let server: TestServer;
let admin: string;
let host: string;
beforeAll(async () => {
  server = await TestServer.start({
    TESSERA_AUTH_KEYS: `${key.id}:${key.secret}`,
    TESSERA_CAPTURE_MAX_SECONDS: '20',
  });
  admin = await signToken(key, { video: { roomAdmin: true }, seconds: 600 });
  host = await signToken(key, {
    identity: 'host',
    video: videoGrantFor('captured', 'host'),
    seconds: 600,
  });
});
afterAll(() => server?.close());

const call = (method: string, path: string, body?: object) =>
  callApi(server, method, path, { token: admin, body });

async function fileOf(id: string, name: string): Promise<Response> {
  return fetch(`${server.url}/v1/captures/${id}/files/${name}`, {
    headers: { authorization: `Bearer ${admin}` },
  });
}

test('what a client sends is captured, everybody sees that it is, and it can be replayed', async () => {
  const wire = await Wire.join(server, 'captured', 'Host', { token: host });
  const bot = await Bot.join(server, {
    room: 'captured',
    name: 'Ada',
    colour: 'red',
    frequency: 440,
    token: await signToken(key, { video: videoGrantFor('captured', 'participant'), seconds: 600 }),
  });
  const path = '/rooms/captured/participants';
  const { body: people } = await call('GET', path);
  const { id: ada } = people.find(({ name }: { name: string }) => name === 'Ada');

  const started = await call('POST', `${path}/${ada}/captures`, {});
  expect(started.status).toBe(201);
  const { id } = started.body;
  expect((await call('POST', `${path}/${ada}/captures`, {})).body.code).toBe('capture_exists');
  const isCaptured = (captured: boolean) =>
    waitFor(`Ada to be ${captured ? '' : 'no longer '}captured`, () =>
      wire.messages.findLast((message) => {
        const { participant } = message as { participant?: { id?: string; captured?: boolean } };
        if (message.type !== 'changed' || participant?.id !== ada) return false;
        return (participant?.captured ?? false) === captured;
      }),
    );
  await isCaptured(true);
  expect((await fileOf(id, 'capture.sdp')).status).toBe(409);
  await waitFor('two seconds of video', async () => {
    const { body } = await call('GET', `/captures/${id}`);
    return body.durationMs > 2000 && body.packets > 120;
  });
  const stopped = await call('POST', `/captures/${id}/stop`);
  expect(stopped.body).toMatchObject({ status: 'ended', reason: 'stopped', dropped: 0 });
  await isCaptured(false);

  const folder = await mkdtemp(join(tmpdir(), 'tessera-capture-'));
  for (const ending of ['rtpdump', 'sdp']) {
    const answer = await fileOf(id, `capture.${ending}`);
    expect(answer.status).toBe(200);
    await writeFile(join(folder, `ada.${ending}`), Buffer.from(await answer.arrayBuffer()));
  }
  const run = promisify(execFile);
  const dump = join(folder, 'ada.rtpdump');
  const { stdout } = await run(process.execPath, [MAIN, 'replay', dump, '--json']);
  const { receiver, mixer, packets } = JSON.parse(stdout);
  expect(packets.rtp + packets.rtcp).toBe(stopped.body.packets);
  // The capture began within the call: the first keyframe came when it was asked for.
  expect(mixer.audio_frames_decoded).toBeGreaterThan(60);
  expect(receiver.rtp_unknown_stream).toBe(0);
  const report = await run(process.execPath, [MAIN, 'replay', dump]);
  expect(report.stdout).toContain('offer: mic, camera');

  expect((await call('DELETE', `/captures/${id}`)).status).toBe(204);
  expect((await call('GET', `/captures/${id}`)).body.code).toBe('capture_not_found');
  await bot.leave();
  wire.socket.close();
});

test('a host of a room may not capture, nor read captures', async () => {
  const asHost = (method: string, path: string, body?: object) =>
    callApi(server, method, path, { token: host, body });
  expect((await asHost('GET', '/captures')).status).toBe(403);
  const post = await asHost('POST', '/rooms/captured/participants/somebody/captures', {});
  expect(post.status).toBe(403);
});

test('captures are off by default', async () => {
  const closed = await TestServer.start();
  const wire = await Wire.join(closed, 'demo', 'Ada');
  const answer = await callApi(closed, 'POST', `/rooms/demo/participants/${wire.id}/captures`, {
    body: {},
  });
  expect(answer.body).toMatchObject({ code: 'captures_off', status: 403 });
  wire.socket.close();
  await closed.close();
});

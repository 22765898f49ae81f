/** Live outputs, received by FFmpeg (RTMP, RTMPS, SRT) and read as HLS. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { COLOURS } from '../support/fixtures.js';
import { framesOf, probe, soundOf } from '../support/recorded.js';
import { TestServer, waitFor } from '../support/server.js';

let server: TestServer;
let bot: Bot;
beforeAll(async () => {
  server = await TestServer.start({
    TESSERA_LIVE_PRIVATE_DESTINATIONS: 'on',
    TESSERA_LIVE_KEYFRAME_SECONDS: '2',
  });
  bot = await Bot.join(server, { room: 'live', name: 'Ana', colour: 'green', frequency: 440 });
});
afterAll(async () => {
  await bot?.leave();
  await server?.close();
});

/** How long an output sends; the file that FFmpeg writes must have more than three seconds. */
const SENT_MS = 4500;

async function freePort(): Promise<number> {
  const probing = createServer();
  await new Promise<void>((resolve) => probing.listen(0, '127.0.0.1', resolve));
  const { port } = probing.address() as { port: number };
  await new Promise((resolve) => probing.close(resolve));
  return port;
}

/** Whether a process listens on a port; a connection would use up FFmpeg's only one. */
function isOpen(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  return ['tcp', 'udp'].some((kind) =>
    readFileSync(`/proc/net/${kind}`, 'utf8')
      .split('\n')
      // 0A: a TCP socket that listens. 07: a UDP socket.
      .some((line) => line.includes(local) && /^ *\d+: \S+ \S+ (0A|07) /.test(line)),
  );
}

/** FFmpeg, waiting for somebody to send to it, writes what comes into a file. */
async function listen(
  kind: 'rtmp' | 'srt',
  port: number,
): Promise<{ process: ChildProcess; file: string }> {
  const file = join(mkdtempSync(join(tmpdir(), 'tessera-test-')), 'received.mkv');
  const input =
    kind === 'rtmp'
      ? ['-listen', '1', '-i', `rtmp://127.0.0.1:${port}/live/secret`]
      : ['-i', `srt://127.0.0.1:${port}?mode=listener&passphrase=twelve-letters&pbkeylen=16`];
  const args = ['-v', 'error', '-y', ...input, '-c', 'copy', file];
  const child = spawn('ffmpeg', args, { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await waitFor('FFmpeg to listen', () => isOpen(port));
  return { process: child, file };
}

const ended = (child: ChildProcess) =>
  new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve(0)));
const outputs = async () => (await callApi(server, 'GET', '/rooms/live/outputs')).body;
const add = (url: string) => callApi(server, 'POST', '/rooms/live/outputs', { body: { url } });
const remove = (id: string) => callApi(server, 'DELETE', `/rooms/live/outputs/${id}`);
const isLive = (id: string) =>
  waitFor(
    'the output to be live',
    async () =>
      (await outputs()).some(
        (one: { id: string; status: string }) => one.id === id && one.status === 'live',
      ),
    40_000,
  );

async function expectTheCall(file: string): Promise<void> {
  const { streams, duration } = await probe(file);
  expect(streams.map(({ codec_name }) => codec_name).sort()).toEqual(['aac', 'h264']);
  expect(duration).toBeGreaterThan(3);
  const frames = await framesOf(file);
  const shown = frames.filter((frame) =>
    frame
      .colourAt(0.5, 0.4)
      .every((value, i) => Math.abs(value - (COLOURS.green[i] as number)) < 45),
  );
  expect(shown.length).toBeGreaterThan(duration * 15);
  expect((await soundOf(file)).tone(440, duration - 2, duration - 1)).toBeGreaterThan(-25);
}

test('RTMP and SRT at the same time; stream keys are never shown', async () => {
  const [rtmpPort, srtPort] = [await freePort(), await freePort()];
  const rtmp = await listen('rtmp', rtmpPort);
  const srt = await listen('srt', srtPort);
  const first = await add(`rtmp://127.0.0.1:${rtmpPort}/live/secret`);
  expect(first).toMatchObject({ status: 201, body: { kind: 'rtmp', status: 'connecting' } });
  expect(JSON.stringify(first.body)).not.toContain('secret');
  const second = await add(`srt://127.0.0.1:${srtPort}?passphrase=twelve-letters&pbkeylen=16`);
  expect(second.status).toBe(201);
  expect(JSON.stringify(second.body)).not.toContain('twelve');
  await Promise.all([isLive(first.body.id), isLive(second.body.id)]);
  await sleep(SENT_MS);
  await Promise.all([remove(first.body.id), remove(second.body.id)]);
  expect(await outputs()).toEqual([]);
  await Promise.all([ended(rtmp.process), ended(srt.process)]);
  await expectTheCall(rtmp.file);
  await expectTheCall(srt.file);
  expect(server.log.join('')).not.toContain('twelve');
}, 180_000);

test('a destination that goes away is reconnected, without a gap in the call', async () => {
  const port = await freePort();
  const before = await listen('rtmp', port);
  const { body } = await add(`rtmp://127.0.0.1:${port}/live/secret`);
  await isLive(body.id);
  before.process.kill('SIGKILL');
  const broken = await waitFor('the fault', async () => {
    const [one] = await outputs();
    return one.status === 'reconnecting' && one;
  });
  expect(broken.error.code).toBe('destination_failed');
  expect(JSON.stringify(broken)).not.toContain('secret');
  await bot.report();
  const after = await listen('rtmp', port);
  await isLive(body.id);
  await sleep(SENT_MS);
  expect((await bot.report()).longestGapMs).toBeLessThan(3000);
  const [one] = await outputs();
  expect(one.reconnects).toBeGreaterThanOrEqual(1);
  await remove(body.id);
  await ended(after.process);
  await expectTheCall(after.file);
}, 180_000);

test('RTMPS connects only to a destination with a trusted certificate', async () => {
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  });
  const folder = mkdtempSync(join(tmpdir(), 'tessera-test-'));
  writeFileSync(join(folder, 'ca.pem'), made.cert);
  const port = await freePort();
  const rtmp = await listen('rtmp', port);
  const front = createTlsServer({ cert: made.cert, key: made.private }, (far) => {
    const near = connect({ host: '127.0.0.1', port });
    far.pipe(near).pipe(far);
    far.on('error', () => near.destroy());
    near.on('error', () => far.destroy());
  });
  await new Promise<void>((resolve) => front.listen(0, resolve));
  onTestFinished(() => {
    front.close();
  });
  const url = `rtmps://localhost:${(front.address() as { port: number }).port}/live/secret`;
  const trusting = await TestServer.start({
    TESSERA_LIVE_PRIVATE_DESTINATIONS: 'on',
    TESSERA_LIVE_KEYFRAME_SECONDS: '2',
    NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
  });
  onTestFinished(() => trusting.close());
  const other = await Bot.join(trusting, {
    room: 'tls',
    name: 'Ana',
    colour: 'green',
    frequency: 440,
  });
  const statusOf = async (at: TestServer, room: string) =>
    (await callApi(at, 'GET', `/rooms/${room}/outputs`)).body[0];
  // The one that does not know the authority gives no key away.
  await add(url);
  const refused = await waitFor('the refusal', async () => {
    const found = await statusOf(server, 'live');
    return found.status === 'reconnecting' && found;
  });
  expect(refused.error.code).toBe('destination_failed');
  await remove(refused.id);
  await callApi(trusting, 'POST', '/rooms/tls/outputs', { body: { url } });
  await waitFor(
    'it to be live',
    async () => (await statusOf(trusting, 'tls')).status === 'live',
    40_000,
  );
  await sleep(SENT_MS);
  const { id } = await statusOf(trusting, 'tls');
  await callApi(trusting, 'DELETE', `/rooms/tls/outputs/${id}`);
  await other.leave();
  await ended(rtmp.process);
  await expectTheCall(rtmp.file);
}, 180_000);

test('HLS: a public playlist of segments', async () => {
  const { body } = await add('hls');
  expect(body.destination).toMatch(/^\/hls\/[\w-]{16}\/index\.m3u8$/);
  const url = `${server.url}${body.destination}`;
  const segments = async () => (await (await fetch(url)).text()).match(/segment-\d+\.m4s/g) ?? [];
  await waitFor('two segments', async () => (await segments()).length >= 2, 60_000);
  const answer = await fetch(url);
  expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  const playlist = await answer.text();
  expect(playlist).toContain('#EXT-X-MAP:URI="init.mp4"');
  const { streams } = await probe(url);
  expect(streams.map(({ codec_name }) => codec_name).sort()).toEqual(['aac', 'h264']);
  expect((await fetch(url.replace('index.m3u8', 'keys.json'))).status).toBe(400);
  expect((await fetch(`${server.url}/hls/${'x'.repeat(16)}/index.m3u8`)).status).toBe(404);
  await remove(body.id);
});

test('invalid and private destinations are refused, with the reason', async () => {
  const code = async (url: string) => (await add(url)).body.code;
  expect(await code('file:///etc/passwd')).toBe('bad_destination');
  expect(await code('http://127.0.0.1/live/x')).toBe('bad_destination');
  expect(await code('rtmp://user:pass@127.0.0.1/live/x')).toBe('bad_destination');
  expect(await code('srt://127.0.0.1:9000?mode=listener')).toBe('bad_destination');
  expect(await code('srt://127.0.0.1:9000?passphrase=short')).toBe('bad_destination');
  expect(await code('nonsense')).toBe('bad_destination');
  const strict = await TestServer.start();
  onTestFinished(() => strict.close());
  await callApi(strict, 'POST', '/rooms', { body: { name: 'live' } });
  for (const host of ['127.0.0.1', 'localhost', '10.1.2.3', '169.254.1.1', '[::1]', '[fe80::1]']) {
    const { status, body } = await callApi(strict, 'POST', '/rooms/live/outputs', {
      body: { url: `rtmp://${host}/live/x` },
    });
    expect({ status, code: body.code }, host).toEqual({
      status: 403,
      code: 'destination_forbidden',
    });
  }
});

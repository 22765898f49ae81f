/** What one address, one socket and one message may cost, while a call goes on undisturbed. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { signToken, videoGrantFor } from '../../src/api/access-token.js';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { makeKey } from '../../src/config/api-keys.js';
import { Bot } from '../support/bot.js';
import { TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

let server: TestServer;
let bot: Bot;
beforeAll(async () => {
  server = await TestServer.start({
    TESSERA_LIMITS_JOIN_SECONDS: '3',
    TESSERA_LIMITS_SOCKETS_PER_ADDRESS: '1000',
  });
  bot = await Bot.join(server, { room: 'beside', name: 'Bot', colour: 'green' });
  await waitFor('frames', async () => (await bot.report()).frames > 10);
});
afterAll(async () => {
  bot?.kill();
  await server?.close();
});
afterEach(async () => {
  // The longest gap since the test before: nothing of it reached the call.
  const { longestGapMs, frames } = await bot.report();
  expect(frames).toBeGreaterThan(0);
  expect(longestGapMs, 'gap in the call beside').toBeLessThan(1000);
});

/** An upgraded connection that writes frames (RFC 6455, 5.2) as it likes. */
async function rawSocket(): Promise<Socket> {
  const { hostname, port, host } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET /signal HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const [answer] = await new Promise<Buffer[]>((resolve) =>
    socket.once('data', (data) => resolve([data])),
  );
  expect(answer?.toString()).toContain('101');
  return socket;
}

/** A masked frame; masked with zeros. */
function frame(opcode: number, final: boolean, payload: Buffer): Buffer {
  const head = Buffer.from([(final ? 0x80 : 0) | opcode, 0x80 | payload.length, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
}

/** The close code that a raw socket is sent. */
function closeCode(socket: Socket): Promise<number> {
  return new Promise((resolve) => {
    socket.on('data', (data) => {
      const at = data.indexOf(0x88);
      if (at >= 0) resolve(data.readUInt16BE(at + 2));
    });
    socket.on('close', () => resolve(0));
  });
}

test('a message of 64 KiB is read; one more byte closes the socket with 1009', async () => {
  const wire = await Wire.open(server);
  wire.send(`"${'x'.repeat(64 * 1024 - 2)}"`);
  expect(await wire.next('error')).toMatchObject({ code: 'bad_message' });
  wire.send(`"${'x'.repeat(64 * 1024 - 1)}"`);
  await waitFor('1009', () => wire.closeCode === 1009);
});

test('a message in a few fragments is read; thousands of them close the socket', async () => {
  const wire = await Wire.open(server);
  for (const [index, part] of ['{"type":', '"nope"', '}'].entries()) {
    wire.socket.send(part, { fin: index === 2 });
  }
  expect(await wire.next('error')).toMatchObject({ code: 'bad_message' });
  wire.socket.close();
  const socket = await rawSocket();
  const closed = closeCode(socket);
  socket.write(frame(1, false, Buffer.from('"')));
  for (let i = 0; i < 5000; i++) socket.write(frame(0, false, Buffer.from('x')));
  // Data that arrives after the server closed can cause a reset before the close frame.
  expect([0, 1008]).toContain(await closed);
  expect(await Wire.upgrade(server, {})).toEqual([101]);
  socket.destroy();
});

test('unmasked, reserved and endless frames close the socket', async () => {
  for (const bytes of [
    Buffer.from([0x81, 0x01, 0x61]),
    Buffer.from([0xf1, 0x80, 0, 0, 0, 0]),
    // A length of 2^63 - 1.
    Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]),
  ]) {
    const socket = await rawSocket();
    const closed = closeCode(socket);
    socket.write(bytes);
    expect([0, 1002, 1009]).toContain(await closed);
    socket.destroy();
  }
});

test('a thousand messages a second close the socket with 1008', async () => {
  const wires = await Promise.all(Array.from({ length: 10 }, () => Wire.open(server)));
  for (let i = 0; i < 1000; i++) for (const wire of wires) wire.send({ type: 'nope' });
  await waitFor('1008', () => wires.every(({ closeCode: code }) => code === 1008));
});

test('500 sockets that never join are closed after the join time', async () => {
  const wires: Wire[] = [];
  for (let i = 0; i < 500; i += 50) {
    wires.push(...(await Promise.all(Array.from({ length: 50 }, () => Wire.open(server)))));
  }
  await waitFor('the end of all', () => wires.every(({ closeCode: code }) => code === 1008));
  expect(wires[0]?.closeReason).toBe('join_timeout');
  // One that joined in time is left alone.
  const joined = await Wire.join(server, 'joined', 'Ada');
  await new Promise((resolve) => setTimeout(resolve, 4000));
  expect(joined.closeCode).toBe(0);
  joined.socket.close();
});

test('a socket that never reads is closed', async () => {
  const wire = await Wire.join(server, 'deaf', 'Deaf');
  await wire.next('welcome');
  wire.socket.pause();
  const busy = await Wire.join(server, 'deaf', 'Busy');
  const deaf = async () => (await server.room('deaf'))?.participants.length === 2;
  expect(await deaf()).toBe(true);
  await waitFor('it to be cut off', async () => !(await deaf()), 60_000);
  busy.send({ type: 'leave' });
  wire.socket.terminate();
});

const key = makeKey();

test('too many sockets or requests from one address get 429; other addresses do not', async () => {
  const strict = await TestServer.start({
    TESSERA_LIMITS_SOCKETS_PER_ADDRESS: '5',
    TESSERA_LIMITS_REQUESTS_PER_MINUTE: '40',
    TESSERA_WEB_TRUST_PROXY: '127.0.0.1',
    TESSERA_AUTH_KEYS: `${key.id}:${key.secret}`,
  });
  const video = { ...videoGrantFor('a', 'participant'), roomList: true };
  const token = await signToken(key, { video, seconds: 600 });
  const get = (from: string) =>
    fetch(`${strict.url}/v1/server`, {
      headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': from },
    });
  const wires = await Promise.all(Array.from({ length: 5 }, () => Wire.open(strict, { token })));
  expect(await Wire.upgrade(strict, { token })).toEqual([429, 'too_many_sockets']);
  wires[0]?.socket.close();
  await waitFor('room for one', async () => (await Wire.upgrade(strict, { token }))[0] === 101);
  const statuses: number[] = [];
  for (let i = 0; i < 50; i++) statuses.push((await get('192.0.2.1')).status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(40);
  const refused = await get('192.0.2.1');
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(await refused.json()).toMatchObject({ code: 'too_many_requests', status: 429 });
  expect((await get('192.0.2.2')).status).toBe(200);
  expect((await fetch(`${strict.url}/healthz`)).status).toBe(200);
  for (const { socket } of wires) socket.close();
  await strict.close();
});

test('endless headers are refused', async () => {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  const answer = new Promise<string>((resolve) => {
    socket.on('data', (data) => resolve(data.toString()));
    socket.on('close', () => resolve(''));
  });
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`);
  expect(await answer).toContain('431');
  socket.destroy();
});

test('without keys only this machine is served, under its own host names', async () => {
  const { port } = new URL(server.url);
  for (const host of ['evil.example', '127.evil.example', 'localhost.evil.example']) {
    const socket = new WebSocket(server.signalUrl, { headers: { host: `${host}:${port}` } });
    const status = await new Promise((resolve) => {
      socket.on('error', () => {});
      socket.on('open', () => resolve(101));
      socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode));
    });
    expect([host, status]).toEqual([host, 403]);
  }
  const elsewhere = await fetch(`${server.url}/v1/rooms/beside`, {
    method: 'DELETE',
    headers: { origin: 'https://evil.example' },
  });
  expect([elsewhere.status, (await elsewhere.json()).code]).toEqual([403, 'origin_refused']);
});

test('candidates beyond 64 are dropped and counted, and the call goes on', async () => {
  const client = await RtpClient.join({ url: server.signalUrl, room: 'many', name: 'Many' });
  for (let i = 0; i < 150; i++) {
    const candidate = `candidate:${i} 1 udp 1 127.0.0.1 ${20_000 + i} typ host`;
    client.send({ type: 'candidate', candidate });
    if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const left = async () =>
    (await server.room('many'))?.participants[0]?.counters.ice_candidates_over_limit ?? 0;
  await waitFor('them to be counted', async () => (await left()) >= 86);
  const before = client.packetsReceived.audio;
  await waitFor('sound', () => client.packetsReceived.audio > before + 50);
  await client.close();
});

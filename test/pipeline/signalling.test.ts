/** The signalling socket as a client, a broken client and a hostile one use it; and what they leave behind. */
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { Bot } from '../support/bot.js';
import { encodeMoving } from '../support/encoded.js';
import { COLLECT_GARBAGE, sleep, TestServer, waitFor } from '../support/server.js';
import { soak } from '../support/soak.js';
import { Wire } from '../support/wire.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({
    TESSERA_ROOM_EMPTY_SECONDS: '1',
    TESSERA_ROOM_MAX_PARTICIPANTS: '20',
  });
});
afterAll(() => server?.close());

test('malformed, unknown and untimely messages get a stable error code, and the socket stays open', async () => {
  const wire = await Wire.open(server);
  const cases: [unknown, string][] = [
    ['{', 'bad_message'],
    ['[]', 'bad_message'],
    [{ type: 'nope' }, 'bad_message'],
    [{ type: 'join', room: 'r' }, 'bad_name'],
    [{ type: 'join', room: 'r', name: 'x', extra: 1 }, 'bad_message'],
    [{ type: 'offer', sdp: 'v=0' }, 'out_of_order'],
    [{ type: 'mute', mic: false }, 'out_of_order'],
    [{ type: 'join', room: '../etc', name: 'x' }, 'bad_room'],
    [{ type: 'join', room: 'r', name: '\u200b' }, 'bad_name'],
    [{ type: 'resume', participant: 'x', token: 'y' }, 'resume_failed'],
  ];
  for (const [index, [message, code]] of cases.entries()) {
    wire.send(message);
    const error = await waitFor(`error ${index}`, () => wire.messages[index]);
    expect(error).toMatchObject({ type: 'error', code });
    expect(error.message).toBeTypeOf('string');
  }
  wire.send({ type: 'join', room: 'r', name: 'Ada' });
  expect(await wire.next('welcome')).toMatchObject({ resumed: false, iceServers: [] });
  wire.messages.length = 0;
  wire.send({ type: 'candidate', candidate: 'candidate:1 1 udp 1 1.2.3.4 5000 typ host' });
  expect(await wire.next('error')).toMatchObject({ code: 'out_of_order' });
  wire.messages.length = 0;
  wire.send({ type: 'offer', sdp: 'v=0\r\n' });
  expect(await wire.next('error')).toMatchObject({ code: 'bad_sdp' });
  wire.send({ type: 'leave' });
  await waitFor('the end', () => wire.closeCode === 1000);
});

test('large messages close with 1009, too many with 1008, binary ones with 1003; another call goes on', async () => {
  const bot = await Bot.join(server, { room: 'beside', name: 'Bot', colour: 'green' });
  await waitFor('frames', async () => (await bot.report()).frames > 10);
  const large = await Wire.open(server);
  large.send(`"${'x'.repeat(65 * 1024)}"`);
  await waitFor('1009', () => large.closeCode === 1009);
  const many = await Wire.open(server);
  for (let i = 0; i < 1000; i++) many.send({ type: 'nope' });
  await waitFor('1008', () => many.closeCode === 1008);
  const binary = await Wire.open(server);
  binary.socket.send(Buffer.from([1, 2, 3]));
  await waitFor('1003', () => binary.closeCode === 1003);
  await bot.report();
  await sleep(1000);
  expect((await bot.report()).longestGapMs).toBeLessThan(1000);
  bot.kill();
});

test('others hear of joining, changing and leaving; a full room refuses', async () => {
  const first = await Wire.open(server);
  first.send({ type: 'join', room: 'watched', name: 'First' });
  const welcome = await first.next('welcome');
  const second = await Wire.open(server);
  second.send({ type: 'join', room: 'watched', name: 'Second', viewer: true });
  await second.next('welcome');
  expect(await first.next('joined')).toMatchObject({
    participant: { name: 'Second', viewer: true },
  });
  second.send({ type: 'mute', mic: false });
  expect(await first.next('changed')).toMatchObject({ participant: { mic: false, camera: true } });
  second.send({ type: 'leave' });
  expect(await first.next('left')).toMatchObject({ type: 'left' });
  expect(welcome.participant).toBeTypeOf('string');
  const wires: Wire[] = [];
  for (let i = 0; i < 20; i++) {
    const wire = await Wire.open(server);
    wire.send({ type: 'join', room: 'watched', name: `N${i}` });
    wires.push(wire);
  }
  const refused = await waitFor('a refusal', () =>
    wires.find((wire) => wire.messages.some(({ code }) => code === 'room_full')),
  );
  expect(refused.messages.find(({ code }) => code === 'room_full')?.next).toContain('later');
  for (const wire of [first, ...wires]) wire.socket.close();
});

test('a lost socket resumes its session without touching the media', async () => {
  const client = await RtpClient.join({ url: server.signalUrl, room: 'resume', name: 'Ada' });
  const before = await waitFor('stats', () => server.room('resume'));
  const audio = () => client.packetsReceived.audio;
  await waitFor('sound', () => audio() > 20);
  const id = before.participants[0]?.id as string;
  const token = client.resumeToken;
  client.socket.terminate();
  await sleep(300);
  const wrong = await Wire.open(server);
  wrong.send({ type: 'resume', participant: id, token: 'x'.repeat(token.length) });
  expect(await wrong.next('error')).toMatchObject({ code: 'resume_failed' });
  const wire = await Wire.open(server);
  wire.send({ type: 'resume', participant: id, token });
  expect(await wire.next('welcome')).toMatchObject({ resumed: true, participant: id });
  const count = audio();
  await waitFor('sound to go on', () => audio() > count + 20);
  wire.send({ type: 'mute', mic: false });
  await sleep(200);
  const after = await waitFor('stats', () => server.room('resume'));
  expect(after.participants.map((participant) => participant.id)).toEqual([id]);
  wire.send({ type: 'leave' });
  await client.close();
  wrong.socket.close();
});

/** Clients join and leave; what a server holds after as many again must be the same. */
async function expectNothingLeft(count: number): Promise<void> {
  const server = await TestServer.start({ TESSERA_ROOM_EMPTY_SECONDS: '1', ...COLLECT_GARBAGE });
  onTestFinished(() => server.close());
  const fds = async () => (await readdir(`/proc/${server.pid}/fd`)).length;
  const children = async () =>
    (await readFile(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')).trim().split(/\s+/)
      .length;
  const frames = await encodeMoving('vp8', 10);
  const options = { url: server.signalUrl, room: 'leak' } as const;
  // Somebody stays, so that the room's media process lives through all of it.
  const keeper = await RtpClient.join({ ...options, name: 'Keeper' });
  onTestFinished(() => keeper.close());
  const decoded = async () => (await server.room('leak'))?.counters.video_frames_decoded ?? 0;
  const cycle = async (index: number) => {
    const client = await RtpClient.join({ ...options, name: `N${index}` });
    const before = await decoded();
    for (const [at, frame] of frames.entries()) {
      client.sendRtp('video', packetizeVp8(frame, at), at * 3000);
    }
    await waitFor('a picture', () => client.videoFrames > 0);
    // The picture may come before the client's own was decoded: one in five waits for that.
    if (index % 5 === 0) await waitFor('a decoder', async () => (await decoded()) > before);
    if (index % 2) client.send({ type: 'leave' });
    await client.close();
  };
  const rest = async () => {
    await waitFor('one session', async () => (await server.stats()).sessions === 1, 40_000);
    // The next garbage collection, and the numbers after it.
    await sleep(4500);
    const mb = (bytes = 0) => Math.round(bytes / 2 ** 20);
    const { memory, timers } = await server.stats();
    const media_mb = mb((await server.room('leak'))?.counters.rss_bytes);
    const [heap_mb, server_mb] = [mb(memory.heapUsed), mb(memory.rss)];
    return { fds: await fds(), children: await children(), timers, heap_mb, server_mb, media_mb };
  };
  // The first fill the allocators' pools (50 MB in the media process); what leaks goes on after that.
  for (let i = 0; i < count; i++) await cycle(i);
  const before = await rest();
  for (let i = 0; i < count; i++) await cycle(i);
  const after = await rest();
  console.log(`leak: before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);
  expect(after.fds).toBeLessThanOrEqual(before.fds + 3);
  expect(after.timers).toBeLessThanOrEqual(before.timers + 3);
  expect(after.children).toBeLessThanOrEqual(before.children);
  expect(after.heap_mb - before.heap_mb).toBeLessThan(5);
  expect(after.server_mb - before.server_mb).toBeLessThan(40);
  expect(after.media_mb - before.media_mb).toBeLessThan(40);
}

test('thirty joins and leaves leave no socket, process or memory behind', () =>
  expectNothingLeft(30));

soak('a hundred joins and leaves leave no socket, process or memory behind', () =>
  expectNothingLeft(100),
);

/**
 * Text chat and application messages over real data channels: who gets them, what is refused, and that
 * broken SCTP harms nobody else.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signToken, type VideoGrant, videoGrantFor } from '../../src/api/access-token.js';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { makeKey } from '../../src/config/api-keys.js';
import { callApi } from '../support/api.js';
import { sleep, TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

let server: TestServer;
const clients: RtpClient[] = [];
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server?.close();
});

interface Data {
  readonly type: string;
  readonly [field: string]: unknown;
}

class Talker {
  readonly got: Data[] = [];

  private constructor(readonly client: RtpClient) {
    client.onData((text) => this.got.push(JSON.parse(text)));
  }

  static async join(room: string, name: string, viewer = false): Promise<Talker> {
    const client = await RtpClient.join({ url: server.signalUrl, room, name, viewer, data: true });
    clients.push(client);
    return new Talker(client);
  }

  say(message: object | string): void {
    this.client.sendData(typeof message === 'string' ? message : JSON.stringify(message));
  }

  of(type: string): Data[] {
    return this.got.filter((message) => message.type === type);
  }

  texts(): unknown[] {
    return this.of('chat').map(({ message }) => (message as { text: string }).text);
  }
}

test('chat reaches everybody in order; late joiners get the history', async () => {
  const [ada, bob, viewer] = [
    await Talker.join('chat', 'Ada'),
    await Talker.join('chat', 'Bob'),
    await Talker.join('chat', 'Vi', true),
  ];
  const wire = await Wire.join(server, 'chat', 'Without');
  ada.say({ type: 'chat', text: 'Grüße, 世界 👋' });
  bob.say({ type: 'chat', text: '<b>no markup</b>\nsecond line' });
  const [first, second] = ['Grüße, 世界 👋', '<b>no markup</b>\nsecond line'];
  for (const one of [ada, bob, viewer]) {
    await waitFor('both texts', () => one.texts().length === 2);
    expect(one.texts().sort()).toEqual([first, second].sort());
  }
  // A client without a data channel gets it on the socket.
  await waitFor(
    'the socket',
    () => wire.messages.filter(({ type }) => type === 'chat').length === 2,
  );
  const late = await Wire.join(server, 'chat', 'Late');
  const history = await waitFor('the history', () =>
    late.messages.find(({ type }) => type === 'history'),
  );
  expect(history.messages).toHaveLength(2);
  expect((history.messages as object[])[0]).toMatchObject({ name: expect.any(String) });
  wire.send({ type: 'chat', text: 'from the socket' });
  await waitFor('it', () => ada.texts().includes('from the socket'));
  wire.socket.close();
  late.socket.close();
});

test('application messages reach all others, or their recipients', async () => {
  const [ada, bob, cy] = [
    await Talker.join('apps', 'Ada'),
    await Talker.join('apps', 'Bob'),
    await Talker.join('apps', 'Cy'),
  ];
  const { body } = await callApi(server, 'GET', '/rooms/apps/participants');
  const idOf = (name: string) => body.find((one: { name: string }) => one.name === name).id;
  ada.say({ type: 'message', topic: 'hand', data: { raised: true } });
  await waitFor('both', () => bob.of('message').length === 1 && cy.of('message').length === 1);
  expect(bob.of('message')[0]).toMatchObject({
    from: idOf('Ada'),
    topic: 'hand',
    data: { raised: true },
  });
  ada.say({ type: 'message', topic: 'private', data: [1, 2], to: [idOf('Cy')] });
  await waitFor('it', () => cy.of('message').length === 2);
  // The next one to all: when Bob has it, he would have had the private one before.
  ada.say({ type: 'message', topic: 'hand', data: { raised: false } });
  await waitFor('the next', () => bob.of('message').length >= 2);
  expect(bob.of('message').map(({ topic }) => topic)).toEqual(['hand', 'hand']);
  expect(ada.of('message')).toEqual([]);
});

test('floods, long messages and nonsense are refused with a code, and others go on', async () => {
  const [ada, bob] = [await Talker.join('limits', 'Ada'), await Talker.join('limits', 'Bob')];
  const codes = () => ada.of('error').map(({ code }) => code);
  for (const [bad, code] of [
    [{ type: 'chat', text: 'x'.repeat(4097) }, 'message_too_large'],
    [{ type: 'chat', text: 'é'.repeat(2049) }, 'message_too_large'],
    [{ type: 'chat', text: ' \u0007 ' }, 'bad_message'],
    [{ type: 'chat' }, 'bad_message'],
    [{ type: 'mute', mic: false }, 'bad_message'],
    [{ type: 'message', topic: 't', data: 'x'.repeat(4096) }, 'message_too_large'],
    ['not JSON', 'bad_message'],
  ] as const) {
    const before = codes().length;
    ada.say(bad);
    await waitFor('an answer', () => codes().length > before);
    expect([bad, codes().at(-1)]).toEqual([bad, code]);
  }
  // Until the rate limit has room for a message again.
  await sleep(4000);
  ada.say({ type: 'chat', text: 'x'.repeat(4096) });
  await waitFor('4096 bytes', () => bob.texts().length === 1);
  for (let i = 0; i < 30; i++) ada.say({ type: 'chat', text: `flood ${i}` });
  await waitFor('the limit', () => codes().includes('too_many_messages'));
  await sleep(500);
  expect(bob.texts().length).toBeLessThan(16);
  bob.say({ type: 'chat', text: 'still here' });
  await waitFor('others to be heard', () => ada.texts().includes('still here'));
});

/** The first of several fragments (RFC 9260, 3.3.1). */
function dataChunk(tsn: number, protocol: number, data: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt8(2, 1);
  head.writeUInt16BE(16 + data.length, 2);
  head.writeUInt32BE(tsn >>> 0, 4);
  head.writeUInt16BE(1, 8);
  head.writeUInt32BE(protocol, 12);
  return Buffer.concat([head, data]);
}

test("a client's broken SCTP ends at most its data channel: call and room go on", async () => {
  const [eve, bob] = [await Talker.join('sctp', 'Eve'), await Talker.join('sctp', 'Bob')];
  const random = (length: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(length)));
  for (let i = 0; i < 300; i++) await eve.client.sendSctpPacket(random(1 + (i % 200)));
  await sleep(700);
  // Whole packets of SCTP with chunks that make no sense: of every type, with every length.
  for (let type = 0; type < 256; type += 3) {
    const chunk = Buffer.concat([Buffer.from([type, 3, 0, 4 + (type % 40)]), random(type % 40)]);
    // Some would spare the server the rest: they end the association, or say what was received.
    if (![6, 192].includes(type)) await eve.client.sendSctpChunk(chunk);
  }
  // Data of kinds that a data channel does not have.
  for (const protocol of [0, 49, 52, 53, 56, 99]) {
    await eve.client.sendSctpChunk(dataChunk(eve.client.nextTsn, protocol, random(64)));
  }
  // Beginnings of messages without an end, far apart, until the server has had enough.
  for (let i = 1; i < 700; i++) {
    await eve.client.sendSctpChunk(dataChunk(eve.client.nextTsn + 2 * i, 51, random(1000)));
    if (i % 100 === 0) await sleep(300);
  }
  await waitFor('the limit', () =>
    server.log.join('').includes('too much is buffered for the client'),
  );
  const [room] = (await server.stats()).rooms.filter(({ id }) => id === 'sctp');
  expect(room?.participants.map(({ name, state }) => [name, state])).toEqual([
    ['Eve', 'connected'],
    ['Bob', 'connected'],
  ]);
  const third = await Talker.join('sctp', 'Cy');
  bob.say({ type: 'chat', text: 'hello' });
  await waitFor('it', () => third.texts().includes('hello'));
  expect(server.exitCode).toBeUndefined();
});

test('a token can forbid chat and screen sharing', async () => {
  const key = makeKey();
  const guarded = await TestServer.start({ TESSERA_AUTH_KEYS: `${key.id}:${key.secret}` });
  const join = async (name: string, video: VideoGrant) => {
    const token = await signToken(key, { identity: name, video, seconds: 600 });
    return Wire.join(guarded, 'guarded', name, { token });
  };
  const grant = videoGrantFor('guarded', 'participant', ['microphone']);
  const ada = await join('Ada', { ...grant, canPublishData: false });
  const bob = await join('Bob', grant);
  const codes = () => ada.messages.filter(({ type }) => type === 'error').map(({ code }) => code);
  ada.send({ type: 'chat', text: 'not allowed' });
  ada.send({ type: 'message', topic: 't', data: 1 });
  ada.send({ type: 'mute', screen: true, mic: false });
  await waitFor('three refusals', () => codes().length === 3);
  expect(codes()).toEqual(['forbidden', 'forbidden', 'forbidden']);
  bob.send({ type: 'chat', text: 'allowed' });
  await waitFor('his text', () => ada.messages.some(({ type }) => type === 'chat'));
  const heard = bob.messages.filter(({ type }) => type === 'chat' || type === 'changed');
  // Nothing of what was refused has happened: her microphone is as it was.
  expect(heard.map(({ type }) => type)).toEqual(['chat']);
  ada.socket.close();
  bob.socket.close();
  await guarded.close();
});

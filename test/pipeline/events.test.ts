/** Webhooks as a receiver gets them, and the stream of events for dashboards. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, expect, test } from 'vitest';
import { signToken, type VideoGrant, videoGrantFor } from '../../src/api/access-token.js';
import { makeKey } from '../../src/config/api-keys.js';
import { makeWebhookSecret } from '../../src/config/webhooks.js';
import { callApi } from '../support/api.js';
import { TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

interface Event {
  readonly id: string;
  readonly event: string;
  readonly room: { readonly name: string; readonly sid: string };
  readonly participant?: { readonly name: string; readonly mic: boolean };
}

const secret = makeWebhookSecret();

/** Takes webhooks as the package `standardwebhooks` verifies them. */
class Receiver {
  readonly events: Event[] = [];
  readonly faults: string[] = [];
  /** How many are refused before the next is taken. */
  refuse = 0;
  refused = 0;
  private readonly webhook = new Webhook(secret);
  private server: Server | undefined;
  port = 0;

  async listen(): Promise<this> {
    this.server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (this.refuse > 0) {
        this.refuse--;
        this.refused++;
        response.writeHead(500).end();
        return;
      }
      try {
        const body = Buffer.concat(chunks).toString();
        const headers = request.headers as Record<string, string>;
        this.events.push(this.webhook.verify(body, headers) as Event);
      } catch (error) {
        this.faults.push(String(error));
      }
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => this.server?.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  close(): Promise<unknown> {
    this.server?.closeAllConnections();
    return new Promise((resolve) => this.server?.close(resolve) ?? resolve(undefined));
  }

  /** Names of a room's events, those that come by chance left out. */
  of(room: string): string[] {
    return this.events
      .filter((event) => event.room.name === room && event.event !== 'participant_changed')
      .map(({ event }) => event);
  }
}

let server: TestServer | undefined;
let receiver: Receiver | undefined;
afterEach(async () => {
  await server?.close();
  await receiver?.close();
});

const environmentFor = (url: string) => ({
  TESSERA_WEBHOOKS_URLS: url,
  TESSERA_WEBHOOKS_SECRET: secret,
  TESSERA_ROOM_EMPTY_SECONDS: '0',
});

const LIFE = ['room_started', 'participant_joined', 'participant_left', 'room_finished'];

async function comeAndGo(at: TestServer, room: string): Promise<void> {
  const ada = await Wire.join(at, room, 'Ada');
  ada.send({ type: 'leave' });
  await waitFor('the leave', () => ada.closeCode === 1000);
}

test('each event arrives once, signed, in order for each room, despite failures', async () => {
  receiver = await new Receiver().listen();
  server = await TestServer.start(environmentFor(receiver.url));
  const { events, faults } = receiver;
  const ada = await Wire.join(server, 'one', 'Ada');
  await waitFor('the two events', () => events.length >= 2);
  expect(events[1]).toMatchObject({
    event: 'participant_joined',
    room: { name: 'one', numParticipants: 1 },
    participant: { name: 'Ada', role: 'host' },
  });
  // Two rooms while the receiver fails: neither loses its order.
  receiver.refuse = 5;
  ada.send({ type: 'leave' });
  await comeAndGo(server, 'two');
  const { of } = receiver;
  await waitFor('all of both', () => {
    return of.call(receiver, 'one').length === 4 && of.call(receiver, 'two').length === 4;
  });
  expect(receiver.of('one')).toEqual(LIFE);
  expect(receiver.of('two')).toEqual(LIFE);
  expect(receiver.refused).toBe(5);
  expect(faults).toEqual([]);
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  expect(
    new Set(events.filter(({ room }) => room.name === 'two').map((e) => e.room.sid)).size,
  ).toBe(1);
});

test('a receiver that was away gets the events after a restart of both', async () => {
  receiver = await new Receiver().listen();
  await receiver.close();
  const environment = environmentFor(receiver.url);
  server = await TestServer.start(environment);
  const { dataDir } = server;
  await comeAndGo(server, 'away');
  await waitFor('the end of the room', async () => !(await server?.room('away')));
  await server.close();
  await receiver.listen();
  server = await TestServer.start({ ...environment, TESSERA_DATA_DIR: dataDir });
  const { of } = receiver;
  await waitFor('all four', () => of.call(receiver, 'away').length >= 4);
  expect(receiver.of('away')).toEqual(LIFE);
  expect(receiver.faults).toEqual([]);
});

test('an event is dropped after its time, and the next one arrives', async () => {
  receiver = await new Receiver().listen();
  server = await TestServer.start({
    ...environmentFor(receiver.url),
    TESSERA_WEBHOOKS_GIVE_UP_SECONDS: '2',
  });
  receiver.refuse = 1000;
  await comeAndGo(server, 'given-up');
  await waitFor('some refusals', () => (receiver?.refused ?? 0) > 4);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  receiver.refuse = 0;
  await comeAndGo(server, 'given-up');
  const { of } = receiver;
  await waitFor('the second life', () => of.call(receiver, 'given-up').length >= 4);
  expect(receiver.of('given-up')).toEqual(LIFE);
});

test('destinations without a valid secret are refused at the start', async () => {
  const start = (environment: Record<string, string>) =>
    TestServer.start({ TESSERA_WEBHOOKS_URLS: 'https://x.example', ...environment });
  await expect(start({})).rejects.toThrow(/TESSERA_WEBHOOKS_SECRET=whsec_/);
  await expect(start({ TESSERA_WEBHOOKS_SECRET: 'whsec_c2hvcnQ=' })).rejects.toThrow(/24 to 64/);
  await expect(start({ TESSERA_WEBHOOKS_URLS: 'ftp://x' })).rejects.toThrow(
    /not an http or https URL/,
  );
});

/** Reads a stream of events until it is closed. */
async function listen(url: string, headers: Record<string, string>, into: Event[]) {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const read = async () => {
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      const frames = text.split('\n\n');
      text = frames.pop() ?? '';
      for (const frame of frames) {
        const data = /^data: (.*)$/m.exec(frame)?.[1];
        if (data) into.push(JSON.parse(data) as Event);
      }
    }
  };
  const done = read().catch(() => {});
  return async () => {
    abort.abort();
    await done;
  };
}

test('the event stream has the same events, of all rooms or one, and resumes', async () => {
  const key = makeKey();
  server = await TestServer.start({
    TESSERA_AUTH_KEYS: `${key.id}:${key.secret}`,
    TESSERA_ROOM_EMPTY_SECONDS: '0',
  });
  const sign = (video: VideoGrant) => signToken(key, { video, seconds: 600 });
  const bearer = async (video: VideoGrant) => ({ authorization: `Bearer ${await sign(video)}` });
  const all: Event[] = [];
  const mine: Event[] = [];
  const url = `${server.url}/v1/events`;
  const stopAll = await listen(url, await bearer({ roomList: true }), all);
  const own = await bearer({ roomAdmin: true, room: 'mine' });
  const stopMine = await listen(`${url}?room=mine`, own, mine);
  const visit = async (room: string) => {
    const token = await sign(videoGrantFor(room, 'participant'));
    const wire = await Wire.join(server as TestServer, room, 'Ada', { token });
    wire.send({ type: 'mute', mic: false });
    wire.send({ type: 'leave' });
  };
  await visit('mine');
  await visit('other');
  await waitFor(
    'both rooms',
    () => all.filter((one) => one.event === 'room_finished').length === 2,
  );
  await waitFor('the one room', () => mine.some((one) => one.event === 'room_finished'));
  expect(new Set(mine.map(({ room }) => room.name))).toEqual(new Set(['mine']));
  expect(mine.map(({ event }) => event)).toEqual([
    'room_started',
    'participant_joined',
    'participant_changed',
    'participant_left',
    'room_finished',
  ]);
  expect(mine[2]?.participant?.mic).toBe(false);
  expect(all.filter(({ room }) => room.name === 'mine')).toEqual(mine);
  await stopMine();
  await stopAll();
  const missed: Event[] = [];
  const headers = { ...own, 'last-event-id': mine[2]?.id ?? '' };
  const stop = await listen(`${url}?room=mine`, headers, missed);
  await waitFor('what was missed', () => missed.length === 2);
  expect(missed).toEqual(mine.slice(3));
  await stop();
  const refused = await callApi(server, 'GET', '/events');
  expect(refused.status).toBe(401);
});

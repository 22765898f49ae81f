/** Webhooks: signed, in order, repeated until they succeed or are too old. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Delivery, WebhookSender } from '../../../src/api/webhook-sender.js';
import { type RoomEvent, roomEvent } from '../../../src/rooms/room-events.js';
import { RecordStore } from '../../../src/util/record-store.js';
import { silentLogger } from '../../support/members.js';
import { testRoom } from '../../support/test-room.js';

const SECRET = Buffer.from('a secret of thirty-two bytes....');
const { room } = testRoom('demo');

let folder: string;
let server: Server;
let url: string;
/** Status of the next answers; 200 after them. */
let statuses: number[];
let taken: RoomEvent[];
let signed: boolean[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-webhooks-'));
  [statuses, taken, signed] = [[], [], []];
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const headers = request.headers as Record<string, string>;
    const status = statuses.shift() ?? 200;
    if (status === 200) {
      const event = new Webhook(SECRET.toString('base64')).verify(body, headers) as RoomEvent;
      signed.push(headers['webhook-id'] === event.id);
      taken.push(event);
    }
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

function sender(giveUpMs = 60_000): WebhookSender {
  const store = new RecordStore<Delivery>(folder, () => {});
  return new WebhookSender({ urls: [url], secret: SECRET, giveUpMs }, store, silentLogger);
}

test('events arrive signed and in order, after failures too', async () => {
  statuses = [500];
  const webhooks = sender();
  const events = (['room_started', 'room_changed', 'room_finished'] as const).map((name) =>
    roomEvent(name, room),
  );
  for (const event of events) webhooks.publish(event);
  await vi.waitFor(() => expect(taken).toEqual(events), { timeout: 10_000 });
  expect(signed).toEqual([true, true, true]);
  // The answer to the last one is on its way back.
  await vi.waitFor(() => expect(webhooks.counters.delivered).toBe(3), { timeout: 10_000 });
  expect(webhooks.counters).toMatchObject({ failed_attempts: 1, given_up: 0 });
  await webhooks.close();
});

test('an event that is too old is given up, and the next one is sent', async () => {
  statuses = [500];
  const webhooks = sender(0);
  webhooks.publish(roomEvent('room_started', room));
  await vi.waitFor(() => expect(webhooks.counters.given_up).toBe(1), { timeout: 5000 });
  const next = roomEvent('room_changed', room);
  webhooks.publish(next);
  await vi.waitFor(() => expect(taken).toEqual([next]), { timeout: 5000 });
  await webhooks.close();
});

test('the next run sends what was not delivered', async () => {
  statuses = [500, 500, 500];
  const event = roomEvent('room_started', room);
  const first = sender();
  first.publish(event);
  await vi.waitFor(() => expect(first.counters.failed_attempts).toBe(1), { timeout: 5000 });
  await first.close();
  statuses = [];
  const second = sender();
  await second.start();
  await vi.waitFor(() => expect(taken).toEqual([event]), { timeout: 10_000 });
  await second.close();
});

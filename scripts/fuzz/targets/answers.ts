/** What other servers answer: the destinations of webhooks, and the object store of recordings. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Delivery, WebhookSender } from '../../../src/api/webhook-sender.js';
import { TesseraError } from '../../../src/errors.js';
import { S3Store } from '../../../src/outputs/recording/s3-store.js';
import type { RoomEvent } from '../../../src/rooms/room-events.js';
import type { RecordStore } from '../../../src/util/record-store.js';
import { waitFor } from '../../../test/support/server.js';
import { mutateBytes, mutateLines } from '../mutate.js';
import { OddServer } from '../odd-server.js';
import type { Random } from '../random.js';
import { Finding, type FuzzInput, type Target } from '../target.js';

const STATUSES = [
  200, 201, 204, 206, 301, 304, 307, 400, 403, 404, 408, 409, 412, 416, 429, 500, 503,
];
/** Longer than any single attempt, which the sender ends itself. */
const SETTLED_MS = 30_000;

const OBJECT = 'x'.repeat(1000);
const BODIES = [
  '',
  '{}',
  OBJECT,
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>',
  '<Error><Code>SlowDown</Code></Error>',
  '<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>"a"</ETag><Size>5</Size></Part></ListPartsResult>',
  '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>',
  '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;&b;">]><a>&d;&d;&d;&d;</a>',
  '<a>'.repeat(3000),
];

function answer(random: Random): FuzzInput {
  const body = random.pick(BODIES);
  const head = [
    `HTTP/1.1 ${random.pick(STATUSES)} Odd`,
    `content-length: ${random.chance(0.85) ? body.length : random.pick([0, 5, 1e9, -1])}`,
    `content-type: ${random.pick(['application/xml', 'application/json', 'text/html'])}`,
    ...(random.chance(0.2) ? ['location: http://127.0.0.1:1/elsewhere'] : []),
    ...(random.chance(0.2) ? [`etag: ${random.pick(['"a"', '', 'W/"b"', '"'.repeat(500)])}`] : []),
    ...(random.chance(0.2) ? ['content-range: bytes 9-1/x', 'retry-after: -5'] : []),
    ...(random.chance(0.1) ? ['transfer-encoding: chunked'] : []),
    'connection: close',
    '',
    body,
  ].join('\r\n');
  const text = random.chance(0.5) ? mutateLines(random, head) : head;
  const bytes = Buffer.from(text, 'latin1');
  return { how: 'answer', bytes: random.chance(0.3) ? mutateBytes(random, bytes) : bytes };
}

const NO_STORE = {
  load: async () => new Map(),
  put: () => {},
  delete: () => {},
  settled: async () => {},
} as unknown as RecordStore<Delivery>;

function event(id: string): RoomEvent {
  const createdAt = Math.floor(Date.now() / 1000) - 60;
  const room = { name: id };
  return { id, event: 'room_started', createdAt, room } as unknown as RoomEvent;
}

const webhooks: Target = {
  name: 'webhook-answers',
  from: 'module',
  batch: 500,
  parallel: 32,
  open: async () => {
    const odd = await OddServer.start();
    const logger = pino({ level: 'silent' });
    const options = { urls: [odd.url], secret: Buffer.alloc(32), giveUpMs: 0 };
    const sender = new WebhookSender(options, NO_STORE, logger);
    let inputs = 0;
    return {
      next: answer,
      send: async (input) => {
        const id = `input-${inputs++}`;
        odd.answers.set(id, input.bytes);
        const before = handled(sender);
        sender.publish(event(id));
        // It is taken, or given up at once: the event is old.
        const isHandled = () => handled(sender) >= inputs || handled(sender) > before;
        await waitFor('the delivery', isHandled, SETTLED_MS).catch(() => {
          throw new Finding('a delivery neither succeeded nor was given up', input);
        });
      },
      settle: async () => {
        await waitFor('all deliveries', () => handled(sender) >= inputs, SETTLED_MS).catch(() => {
          throw new Finding('a delivery neither succeeded nor was given up');
        });
        odd.answers.clear();
      },
      close: async () => {
        await sender.close();
        await odd.close();
      },
    };
  },
};

function handled({ counters }: WebhookSender): number {
  return counters.delivered + counters.given_up;
}

const store: Target = {
  name: 's3-answers',
  from: 'module',
  batch: 100,
  parallel: 25,
  open: async () => {
    const odd = await OddServer.start();
    const folder = mkdtempSync(join(tmpdir(), 'tessera-fuzz-'));
    const path = join(folder, 'file');
    writeFileSync(path, OBJECT);
    const s3 = new S3Store({
      endpoint: odd.url,
      region: 'us-east-1',
      bucket: 'bucket',
      prefix: '',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      pathStyle: true,
    });
    let inputs = 0;
    return {
      next: (random) => ({
        ...answer(random),
        how: random.pick(['get', 'get', 'put', 'delete', 'grow']),
      }),
      send: async (input) => {
        const key = `input-${inputs++}`;
        odd.answers.set(key, input.bytes);
        const late = new Promise<never>((_, reject) =>
          setTimeout(() => reject(new Finding('no end in sight', input)), SETTLED_MS).unref(),
        );
        await Promise.race([use(s3, key, path, input), late]);
        odd.answers.delete(key);
      },
      close: async () => {
        await s3.close();
        await odd.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

/** @throws Finding if something other than an error of ours or of the SDK is thrown. */
async function use(s3: S3Store, key: string, path: string, input: FuzzInput): Promise<void> {
  try {
    switch (input.how) {
      case 'get': {
        const { stream } = await s3.get(key, undefined);
        for await (const _ of stream);
        break;
      }
      case 'put':
        await s3.put(key, path, 'text/plain', undefined, () => {});
        break;
      case 'grow':
        await (await s3.grow(key, path, 'text/plain', 'earlier')).complete();
        break;
      default:
        await s3.delete([key]);
    }
  } catch (error) {
    // The SDK reads the answers and throws what it likes; callers take any error.
    const place = error instanceof Error ? error.stack?.split('\n')[1] : undefined;
    const isOurs = place === undefined || /\/src\//.test(place);
    if (!isOurs || (error instanceof TesseraError && error.code !== 'internal')) return;
    throw error;
  }
}

export const ANSWERS: readonly Target[] = [webhooks, store];

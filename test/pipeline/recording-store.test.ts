/** Recordings in an S3-compatible store: OpenStack Swift, as Debian packages it. */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { S3Store } from '../../src/outputs/recording/s3-store.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { decodeFaults, probe } from '../support/recorded.js';
import { act, over, pathOf, record, recordingOf, running } from '../support/recordings.js';
import { TestServer, waitFor } from '../support/server.js';
import { BUCKET, Swift } from '../support/swift.js';

let swift: Swift;
beforeAll(async () => {
  swift = await Swift.start();
}, 120_000);
afterAll(() => swift?.close());

const keys = async (prefix: string) =>
  (
    (await swift.client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix })))
      .Contents ?? []
  )
    .map(({ Key = '' }) => Key.slice(prefix.length))
    .sort();
const pending = async (prefix: string) =>
  (
    (await swift.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }))).Uploads ?? []
  ).filter(({ Key = '' }) => Key.startsWith(prefix));
const stored = (server: TestServer, id: string) =>
  waitFor(
    'the recording to be in the store',
    async () => {
      const found = await recordingOf(server, id);
      return found.store === 's3' && found;
    },
    60_000,
  );

test('a recording is uploaded while it grows, and then deleted here', async () => {
  const server = await TestServer.start({
    ...swift.environment,
    TESSERA_RECORDING_S3_PREFIX: 'a/',
  });
  onTestFinished(() => server.close());
  const bot = await Bot.join(server, { room: 'up', name: 'Ana', colour: 'red', frequency: 440 });
  const { id } = await record(server, 'up');
  await running(server, id);
  // Begun while it goes on.
  await waitFor('an upload', async () => (await pending(`a/${id}/`)).length === 1);
  await sleep(2000);
  await act(server, id, 'stop');
  const done = await over(server, id);
  const there = await stored(server, id);
  await bot.leave();
  expect(await keys(`a/${id}/`)).toEqual(done.files.map(({ name }) => name).sort());
  expect(await pending(`a/${id}/`)).toEqual([]);
  expect(existsSync(pathOf(server, done, ''))).toBe(false);
  expect(there.files).toEqual(done.files);
  // It is read through the server, in parts too.
  const url = `${server.url}/v1/recordings/${id}/files/composite.mp4`;
  const file = join(mkdtempSync(join(tmpdir(), 'tessera-test-')), 'composite.mp4');
  const whole = Buffer.from(await (await fetch(url)).arrayBuffer());
  writeFileSync(file, whole);
  expect(whole.length).toBe(done.files[0]?.bytes);
  expect(await decodeFaults(file)).toBe('');
  expect((await probe(file)).duration).toBeGreaterThan(1.5);
  const part = await fetch(url, { headers: { range: 'bytes=4-7' } });
  expect(part.status).toBe(206);
  expect(part.headers.get('content-range')).toBe(`bytes 4-7/${whole.length}`);
  expect(await part.text()).toBe('ftyp');
  expect((await callApi(server, 'DELETE', `/recordings/${id}`)).status).toBe(204);
  expect(await keys(`a/${id}/`)).toEqual([]);
});

test('while the store is down nothing is lost; after a restart it is uploaded', async () => {
  const environment = {
    ...swift.environment,
    TESSERA_RECORDING_S3_PREFIX: 'b/',
    TESSERA_DATA_DIR: mkdtempSync(join(tmpdir(), 'tessera-test-')),
  };
  const server = await TestServer.start(environment);
  const bot = await Bot.join(server, { room: 'away', name: 'Ana', colour: 'blue', frequency: 440 });
  await swift.down();
  const { id } = await record(server, 'away', { format: 'ogg' });
  await running(server, id);
  await sleep(2500);
  await act(server, id, 'stop');
  const done = await over(server, id);
  expect(done).toMatchObject({ status: 'finished', store: 'local' });
  expect(existsSync(pathOf(server, done, 'composite.ogg'))).toBe(true);
  await bot.leave();
  await server.close();
  swift.up();
  const next = await TestServer.start(environment);
  onTestFinished(() => next.close());
  await stored(next, id);
  expect(await keys(`b/${id}/`)).toEqual(['composite.ogg', 'timeline.json']);
  expect(existsSync(pathOf(next, done, ''))).toBe(false);
});

test('uploaded parts are not sent again after a restart', async () => {
  const options = {
    endpoint: swift.environment.TESSERA_RECORDING_S3_ENDPOINT,
    region: 'us-east-1',
    bucket: BUCKET,
    prefix: 'c/',
    pathStyle: true,
    credentials: { accessKeyId: 'test:tester', secretAccessKey: 'testing' },
  };
  const file = join(mkdtempSync(join(tmpdir(), 'tessera-test-')), 'growing');
  const bytes = Buffer.alloc(20_000_000, 'tessera.');
  writeFileSync(file, bytes.subarray(0, 12_000_000));
  const before = new S3Store(options);
  const first = await before.grow('grown', file, 'video/mp4');
  await first.advance();
  expect(first.bytes).toBe(8 * 1024 * 1024);
  await before.close();
  writeFileSync(file, bytes);
  const after = new S3Store(options);
  onTestFinished(() => after.close());
  const second = await after.grow('grown', file, 'video/mp4', first.uploadId);
  expect(second.bytes).toBe(first.bytes);
  await second.complete();
  const { Body } = await swift.client.send(
    new GetObjectCommand({ Bucket: BUCKET, Key: 'c/grown' }),
  );
  const found = Buffer.from((await Body?.transformToByteArray()) ?? []);
  expect(found.equals(bytes)).toBe(true);
  // An upload that the store does not know starts from the beginning.
  const third = await after.grow('grown', file, 'video/mp4', 'bm90aGluZw');
  expect(third.bytes).toBe(0);
  await third.abort();
});

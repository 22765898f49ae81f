import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LiveOutputs } from '../../../../src/outputs/live/live-outputs.js';
import { FakeLauncher, FakeRoom, PROGRESS } from '../../../support/fake-egress.js';
import { silentLogger } from '../../../support/members.js';

const SRT = 'srt://127.0.0.1:9000?passphrase=twelve-letters';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-live-'));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

function outputsOf(change: Partial<ConstructorParameters<typeof LiveOutputs>[0]> = {}) {
  const launcher = new FakeLauncher();
  const options = {
    folder,
    allowPrivate: true,
    audioBitrateBps: 128_000,
    keyframeMs: 4000,
    maxPerRoom: 2,
    ...change,
  };
  return { outputs: new LiveOutputs(options, launcher, silentLogger), launcher };
}

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('connecting, live, reconnecting, live again, ended', async () => {
  const { outputs, launcher } = outputsOf();
  const room = new FakeRoom('1');
  const { id, status } = await outputs.add(room, { url: SRT });
  expect(status).toBe('connecting');
  expect(room.egress.live).toBe(true);
  expect(room.outputs.size).toBe(1);
  await wait(0);
  expect(launcher.latest.commands).toMatchObject([{ type: 'stream', muxer: 'mpegts' }]);
  launcher.latest.emit(PROGRESS);
  expect(outputs.find(id).status).toBe('live');
  launcher.latest.emit({ type: 'fault', code: 'destination_failed', message: 'refused' });
  expect(outputs.find(id)).toMatchObject({
    status: 'reconnecting',
    reconnects: 1,
    error: { code: 'destination_failed', message: 'refused' },
  });
  await wait(1000);
  launcher.latest.emit(PROGRESS);
  expect(outputs.find(id)).toMatchObject({ status: 'live', reconnects: 1 });
  expect(outputs.find(id).error).toBeUndefined();
  expect(outputs.snapshot()).toMatchObject({ outputs: 1, outputs_live: 1, output_reconnects: 1 });
  await outputs.remove(id);
  expect(() => outputs.find(id)).toThrow();
  expect(room.egress.live).toBe(false);
  expect(room.outputs.size).toBe(0);
  expect(room.published.flatMap((update) => ('phase' in update ? [update.phase] : []))).toEqual([
    'started',
    'updated',
    'updated',
    'updated',
    'ended',
  ]);
  expect(JSON.stringify(room.published)).not.toContain('twelve-letters');
});

test('a bug in the output ends it, with the reason', async () => {
  const { outputs } = outputsOf();
  const room = new FakeRoom('1');
  const { id } = await outputs.add(room, { url: SRT });
  for (const output of room.outputs) output.onFault(new Error('a bug'));
  expect(() => outputs.find(id)).toThrow();
  expect(room.published.at(-1)).toMatchObject({ phase: 'ended', output: { status: 'ended' } });
});

test('the limit per room, and the end of a room', async () => {
  const { outputs } = outputsOf();
  const room = new FakeRoom('1');
  outputs.follow(room);
  await outputs.add(room, { url: SRT });
  await outputs.add(room, { url: 'hls' });
  await expect(outputs.add(room, { url: SRT })).rejects.toMatchObject({ code: 'too_many_outputs' });
  room.end();
  await wait(0);
  expect(outputs.list(room.id)).toEqual([]);
});

test('private destinations and rooms without H.264 are refused', async () => {
  const { outputs } = outputsOf({ allowPrivate: false });
  await expect(outputs.add(new FakeRoom('1'), { url: SRT })).rejects.toMatchObject({
    code: 'destination_forbidden',
  });
  const room = Object.assign(new FakeRoom('2'), { videoCodecs: ['vp8'] });
  await expect(outputs.add(room as unknown as FakeRoom, { url: 'hls' })).rejects.toMatchObject({
    code: 'bad_destination',
  });
});

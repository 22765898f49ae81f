/** Recordings through what ends servers and disks: at most the last second is lost, and no call. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { randomFrom } from '../../src/bots/random.js';
import { Replay } from '../../src/bots/replay.js';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { encodeTestPattern, type TestPattern } from '../../src/bots/test-pattern.js';
import { callApi } from '../support/api.js';
import { decodeFaults, framesOf, probe, soundOf } from '../support/recorded.js';
import { mainFile, over, record, recordingOf, running } from '../support/recordings.js';
import { TestServer, waitFor } from '../support/server.js';
import { soak } from '../support/soak.js';

const SEED = 7;

let pattern: TestPattern;
beforeAll(async () => {
  pattern = await encodeTestPattern('Ana', 0);
});

async function join_(server: TestServer, room: string, replay: Replay): Promise<RtpClient> {
  const client = await RtpClient.join({ url: server.signalUrl, room, name: 'Ana' });
  replay.add(client, pattern);
  return client;
}

/** A server's process, and those that it started. */
function treeOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return [pid, ...children.filter(Boolean).flatMap((child) => treeOf(Number(child)))];
}

/** Kills servers that record, at random moments. @returns seconds lost of each, ascending. */
async function lossesOf(kills: number): Promise<number[]> {
  const random = randomFrom(SEED);
  const losses: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const dataDir = mkdtempSync(join(tmpdir(), 'tessera-test-'));
    const environment = { TESSERA_DATA_DIR: dataDir };
    const server = await TestServer.start(environment);
    const replay = new Replay();
    const client = await join_(server, 'crash', replay);
    const format = (['mp4', 'mp4', 'webm', 'ogg'] as const)[kill % 4] ?? 'mp4';
    const { id } = await record(server, 'crash', { format });
    const { startedAt } = await running(server, id);
    await sleep(1500 + random() * 3000);
    // Every other time all of its processes at once, as the end of the machine would.
    const victims = kill % 2 === 0 ? treeOf(server.pid) : [server.pid];
    const killedAt = Date.now();
    for (const pid of victims) process.kill(pid, 'SIGKILL');
    replay.stop();
    client.socket.terminate();
    const next = await TestServer.start(environment);
    const done = await over(next, id);
    await next.close();
    expect(done.status, `kill ${kill}`).toBe('finished');
    const path = mainFile(next, done);
    expect(await decodeFaults(path), `kill ${kill}`).toBe('');
    const { duration } = await probe(path);
    losses.push((killedAt - startedAt) / 1000 - duration);
  }
  losses.sort((a, b) => a - b);
  console.log(`lost: ${losses.map((loss) => loss.toFixed(2)).join(' ')} s`);
  return losses;
}

test('recordings of killed servers play after the next start, and lose less than two seconds', async () => {
  expect((await lossesOf(3)).at(-1)).toBeLessThan(2);
});

soak(
  '20 servers killed at random moments leave 20 recordings that play, and lose less than a second',
  async () => {
    const losses = await lossesOf(20);
    expect(losses.at(-1)).toBeLessThan(2);
    expect(losses[18]).toBeLessThan(1);
  },
);

test('a full disk ends the recording, which plays; the call goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder]);
  onTestFinished(() => {
    execFileSync('umount', ['-l', folder]);
  });
  const server = await TestServer.start({
    TESSERA_RECORDING_FOLDER: folder,
    TESSERA_RECORDING_MIN_FREE_SPACE: '1',
  });
  onTestFinished(() => server.close());
  const replay = new Replay();
  onTestFinished(() => replay.stop());
  const client = await join_(server, 'full', replay);
  const viewer = await RtpClient.join({
    url: server.signalUrl,
    room: 'full',
    name: 'V',
    viewer: true,
  });
  const { id } = await record(server, 'full');
  await running(server, id);
  await sleep(2500);
  // Somebody else fills the disk.
  let filledAt = 0;
  for (let n = 0; filledAt === 0; n++) {
    try {
      writeFileSync(join(folder, `other-${n}`), Buffer.alloc(100_000));
    } catch {
      filledAt = Date.now();
    }
  }
  const broken = await waitFor('the fault', async () => {
    const found = await recordingOf(server, id);
    return found.error && found;
  });
  // Within two seconds, and what a busy machine adds.
  expect(Date.now() - filledAt).toBeLessThan(6000);
  expect(broken.error?.code).toBe('disk_full');
  const framesBefore = viewer.videoFrames;
  const done = await over(server, id);
  expect(done.status).toBe('failed');
  const file = join(folder, id, done.files[0]?.name as string);
  expect(await decodeFaults(file)).toBe('');
  const frames = await framesOf(file);
  expect(frames[0]?.isKeyframe).toBe(true);
  expect(frames.at(-1)?.at).toBeGreaterThan(1.5);
  expect((await soundOf(file)).seconds).toBeGreaterThan(1.5);
  await waitFor('the call to go on', () => viewer.videoFrames - framesBefore > 10, 5000);
  const { recordings } = (await server.stats()) as unknown as {
    recordings: Record<string, number>;
  };
  expect(recordings.recordings_disk_full).toBe(1);
  expect(recordings.recordings_failed).toBe(1);
  // No other one is begun.
  const refused = await callApi(server, 'POST', '/rooms/full/recordings', { body: {} });
  expect(refused).toMatchObject({ status: 507, body: { code: 'disk_low' } });
  expect(refused.body.next).toContain('recording.minFreeSpace');
  await Promise.all([client.leave(), viewer.leave()]);
});

test('recordings that have lost their index entry are finished too', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tessera-test-'));
  const environment = { TESSERA_DATA_DIR: dataDir };
  const server = await TestServer.start(environment);
  const replay = new Replay();
  await join_(server, 'orphan', replay);
  const { id } = await record(server, 'orphan');
  await running(server, id);
  await sleep(2500);
  for (const pid of treeOf(server.pid)) process.kill(pid, 'SIGKILL');
  replay.stop();
  const index = join(dataDir, 'recordings', '.index');
  for (const name of readdirSync(index)) writeFileSync(join(index, name), '{"broken');
  const next = await TestServer.start(environment);
  onTestFinished(() => next.close());
  const done = await over(next, id);
  expect(done).toMatchObject({ status: 'finished', room: 'unknown', format: 'mp4' });
  expect(await decodeFaults(mainFile(next, done))).toBe('');
  expect((await probe(mainFile(next, done))).duration).toBeGreaterThan(1);
});

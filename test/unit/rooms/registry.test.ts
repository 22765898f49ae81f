/** The rooms of a server, without media processes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Admission } from '../../../src/rooms/admission.js';
import { RoomArchive } from '../../../src/rooms/archive.js';
import { RoomRegistry } from '../../../src/rooms/registry.js';
import type { Room } from '../../../src/rooms/room.js';
import { FakeMediaPool } from '../../support/fake-media-process.js';
import { mediaSnapshotOf } from '../../support/media-snapshots.js';
import { grantOf, silentLogger } from '../../support/members.js';
import { ROOM_DEFAULTS, ROOM_OPTIONS } from '../../support/test-room.js';

let folder: string;
const running: RoomRegistry[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-registry-'));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((registry) => registry.close()));
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

async function start() {
  const pool = new FakeMediaPool();
  const updates: string[] = [];
  const registry = new RoomRegistry(
    { ...ROOM_OPTIONS, videoCodecs: ['av1', 'h264'], defaults: ROOM_DEFAULTS, maxRooms: 2 },
    {
      pool,
      archive: new RoomArchive(folder, silentLogger),
      admission: new Admission({ loadControl: false, admissionShare: 1 }),
      logger: silentLogger,
      onRoom: (room) => {
        room.updates.follow(({ type }) => updates.push(`${room.id} ${type}`));
      },
      egressCpuMicros: () => 0,
    },
  );
  running.push(registry);
  await registry.start();
  return { registry, pool, updates };
}

function enter(room: Room) {
  const grant = grantOf('participant');
  const entrance = room.enter({
    name: 'Ada',
    grant,
    viewer: false,
    previous: undefined,
    listener: () => {},
  });
  if (entrance.state !== 'joined') throw new Error('nobody joined');
  return entrance.participant;
}

const code = (code: string) => expect.objectContaining({ code });

test('a room begins by a join and ends some time after the last has left', async () => {
  const { registry, updates } = await start();
  expect(registry.encoders).toEqual(['h264']);
  const room = await registry.open('demo');
  expect(await registry.open('demo')).toBe(room);
  const { id } = enter(room);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(registry.find('demo')).toBe(room);
  await room.leave(id);
  await vi.advanceTimersByTimeAsync(19_000);
  expect(registry.all).toEqual([room]);
  await vi.advanceTimersByTimeAsync(2000);
  expect(() => registry.find('demo')).toThrow(code('room_not_found'));
  await vi.waitFor(() => expect(updates.at(-1)).toBe('demo ended'));
  expect(updates).toEqual(
    ['started', 'joined', 'left', 'empty', 'ended'].map((type) => `demo ${type}`),
  );
});

test('a room that nobody enters ends too', async () => {
  const { registry } = await start();
  await registry.open('demo');
  await registry.create('other', { emptySeconds: 40 });
  await vi.advanceTimersByTimeAsync(21_000);
  expect(registry.all.map(({ id }) => id)).toEqual(['other']);
});

test('a room ends after its longest duration, with people in it', async () => {
  const { registry } = await start();
  const room = await registry.create('demo', { maxSeconds: 100 });
  enter(room);
  await vi.advanceTimersByTimeAsync(90_000);
  expect(registry.all).toEqual([room]);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(registry.all).toEqual([]);
});

test('there are no two rooms of one name, and not more than there may be', async () => {
  const { registry } = await start();
  const creating = registry.create('a', {});
  await expect(registry.create('a', {})).rejects.toEqual(code('room_exists'));
  await creating;
  await expect(registry.create('a', {})).rejects.toEqual(code('room_exists'));
  expect(registry.readiness).toBe('ready');
  await registry.create('b', {});
  await expect(registry.create('c', {})).rejects.toEqual(code('room_full'));
  expect(registry.readiness).toBe('full');
  await expect(registry.open('c')).rejects.toEqual(code('room_full'));
});

test('a room without a media process is not left behind', async () => {
  const { registry, pool } = await start();
  pool.failures = 1;
  await expect(registry.open('demo')).rejects.toEqual(code('media_failed'));
  expect(registry.all).toEqual([]);
  await registry.open('demo');
});

test('draining lets no room begin and waits until all have left', async () => {
  const { registry } = await start();
  const room = await registry.open('demo');
  const { id } = enter(room);
  let drained = false;
  const draining = registry.drain(new Promise(() => {})).then(() => {
    drained = true;
  });
  expect(registry.readiness).toBe('draining');
  await expect(registry.create('other', {})).rejects.toEqual(code('shutting_down'));
  await vi.advanceTimersByTimeAsync(5000);
  expect(drained).toBe(false);
  await room.leave(id);
  await vi.advanceTimersByTimeAsync(200);
  await draining;
});

test('rooms that were set up are there again in the next run; those that ended are not', async () => {
  const first = await start();
  await first.registry.create('kept', { metadata: 'x' });
  await first.registry.create('ended', {});
  await first.registry.end('ended');
  await first.registry.open('passing');
  await first.registry.close();
  expect(first.updates.slice(-2).sort()).toEqual(['kept ended', 'passing ended']);

  const second = await start();
  expect(second.registry.all.map(({ id, settings }) => [id, settings.metadata])).toEqual([
    ['kept', 'x'],
  ]);
  await vi.advanceTimersByTimeAsync(59_000);
  expect(second.registry.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(2000);
  expect(second.registry.all).toEqual([]);
});

test('what a room counted stays counted after its end', async () => {
  const { registry, pool } = await start();
  await registry.open('demo');
  pool.process.snapshot = mediaSnapshotOf({ video_ticks: 30 });
  expect(registry.snapshot().totals.counters.video_ticks).toBe(30);
  await registry.end('demo');
  const { rooms, totals } = registry.snapshot();
  expect(rooms).toEqual([]);
  expect(totals.counters.video_ticks).toBe(30);
  expect(totals.encodes[0]).toMatchObject({ codec: 'h264', rendition: 0, frames: 30 });
});

test('a room that cannot be kept does not begin, and nothing of it is left', async () => {
  const { registry, updates } = await start();
  await writeFile(join(folder, 'rooms'), 'a file where the folder should be');
  await expect(registry.create('demo', {})).rejects.toEqual(code('write_failed'));
  expect(registry.all).toEqual([]);
  expect(updates).toEqual([]);
  // A room that began by a join goes on, and a change of it that cannot be kept is said.
  const room = await registry.open('demo');
  room.update({ metadata: 'x' });
  await expect(registry.kept('demo')).rejects.toEqual(code('write_failed'));
  expect(room.settings.metadata).toBe('x');
  await rm(join(folder, 'rooms'));
  room.update({ metadata: 'y' });
  await registry.kept('demo');
});

test('somebody who joins while a room is made has it, and it is not made twice', async () => {
  const { registry } = await start();
  const creating = registry.create('demo', { metadata: 'x' });
  const room = await registry.open('demo');
  await expect(creating).rejects.toEqual(code('room_exists'));
  expect(registry.find('demo')).toBe(room);
  await registry.close();
  expect((await start()).registry.all).toEqual([]);
});

/** What of rooms is kept over a restart. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RoomArchive } from '../../../src/rooms/archive.js';
import type { Room } from '../../../src/rooms/room.js';
import { grantOf, silentLogger } from '../../support/members.js';
import { testRoom } from '../../support/test-room.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-archive-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const IMAGE = { data: 'webp', width: 10, height: 10 };

function enter(room: Room) {
  const entrance = room.enter({
    name: 'Ada',
    grant: grantOf('participant'),
    viewer: false,
    previous: undefined,
    listener: () => {},
  });
  if (entrance.state !== 'joined') throw new Error('nobody joined');
  return entrance.participant;
}

/** What the next run of the server finds. */
async function nextRun(archive: RoomArchive) {
  await archive.close();
  return await new RoomArchive(folder, silentLogger).load();
}

test('a room that was set up is kept with settings, images and those who may come back', async () => {
  const archive = new RoomArchive(folder, silentLogger);
  const { room } = testRoom('demo', { metadata: 'x' });
  archive.follow(room, true);
  room.images.set('logo', IMAGE);
  room.images.set('old', IMAGE);
  room.images.remove('old');
  const { resumeToken } = enter(room);
  room.update({ locked: true });
  const [kept, ...others] = await nextRun(archive);
  expect(others).toEqual([]);
  expect(kept).toMatchObject({
    id: 'demo',
    createdAt: room.createdAt,
    settings: { locked: true, metadata: 'x' },
    returning: room.membership.returningDigests,
  });
  expect([...(kept?.images ?? [])]).toEqual([['logo', expect.objectContaining(IMAGE)]]);

  const { room: next } = testRoom('demo', kept?.settings, kept);
  expect(next.images.list.map(({ name }) => name)).toEqual(['logo']);
  const request = { name: 'Ada', grant: grantOf('participant'), viewer: false, listener: () => {} };
  expect(() => next.enter({ ...request, previous: undefined })).toThrow(/locked/);
  expect(next.enter({ ...request, previous: resumeToken }).state).toBe('joined');
});

test('a room that began by a join is kept once somebody changes its settings', async () => {
  const archive = new RoomArchive(folder, silentLogger);
  const [plain, changed] = ['plain', 'changed'].map((id) => testRoom(id).room);
  for (const room of [plain, changed]) {
    if (!room) throw new Error('no room');
    archive.follow(room, false);
    enter(room);
  }
  changed?.update({ metadata: 'x' });
  expect((await nextRun(archive)).map(({ id }) => id)).toEqual(['changed']);
});

test('nothing is left of a room that has ended', async () => {
  const archive = new RoomArchive(folder, silentLogger);
  const { room } = testRoom('demo');
  archive.follow(room, true);
  room.images.set('logo', IMAGE);
  await archive.forget(room);
  room.update({ metadata: 'too late' });
  expect(await nextRun(archive)).toEqual([]);
});

test('tokens that were taken back stay so', async () => {
  const archive = new RoomArchive(folder, silentLogger);
  const grant = { ...grantOf('participant'), tokenDigest: 'd', expiresAt: Date.now() + 1000 };
  archive.revoked.revoke(grant);
  await archive.close();
  const next = new RoomArchive(folder, silentLogger);
  await next.load();
  expect(next.revoked.has(grant)).toBe(true);
  expect(next.revoked.has({ tokenDigest: 'other' })).toBe(false);
});

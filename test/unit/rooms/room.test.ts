/** The parts of a room together: images, avatars, layout, speakers and load. */
import { expect, test } from 'vitest';
import type { LoadStep } from '../../../src/link/load-steps.js';
import type { Update } from '../../../src/rooms/room-update.js';
import { grantOf } from '../../support/members.js';
import { testRoom } from '../../support/test-room.js';

const IMAGE = { data: 'webp', width: 10, height: 10 };
const code = (code: string) => expect.objectContaining({ code });

async function start() {
  const { room, pool } = testRoom('demo');
  const updates: Update[] = [];
  room.updates.follow((update) => updates.push(update));
  await room.start();
  const join = (name: string) => {
    const entrance = room.enter({
      name,
      grant: grantOf('participant'),
      viewer: false,
      previous: undefined,
      listener: () => {},
    });
    if (entrance.state !== 'joined') throw new Error('nobody joined');
    return entrance.participant;
  };
  return { room, process: pool.process, updates, join };
}

test('a source is in the composite before its participant is announced', async () => {
  const { room, process, join } = await start();
  const atJoin: number[] = [];
  room.updates.follow(({ type }) => {
    if (type === 'joined') atJoin.push(process.sent('sources').at(-1)?.sources.length ?? 0);
  });
  const ada = join('Ada');
  expect(atJoin).toEqual([1]);
  await room.leave(ada.id);
  expect(process.sent('sources').at(-1)?.sources).toEqual([]);
});

test('images reach the media process, within limits', async () => {
  const { room, process } = await start();
  room.images.set('logo', IMAGE);
  expect(process.sent('image').at(-1)).toEqual({ type: 'image', name: 'room/logo', data: 'webp' });
  room.update({ overlays: { logo: { image: 'logo' } } as never });
  expect(() => room.update({ overlays: { logo: { image: 'other' } } as never })).toThrow(
    code('image_not_found'),
  );
  for (let i = 1; i < 16; i++) room.images.set(`image${i}`, IMAGE);
  expect(() => room.images.set('more', IMAGE)).toThrow(code('room_full'));
  room.images.remove('image1');
  expect(process.sent('image').at(-1)).toEqual({ type: 'image', name: 'room/image1' });
  expect(() => room.images.remove('image1')).toThrow(code('image_not_found'));
});

test('a new avatar is shown before the old one is removed; leaving removes it', async () => {
  const { room, process, join } = await start();
  const ada = join('Ada');
  room.setAvatar(ada.id, IMAGE);
  const first = ada.avatar;
  room.setAvatar(ada.id, IMAGE);
  const second = ada.avatar;
  await room.leave(ada.id);
  const images = process.sent('image').map(({ name, data }) => [name, data]);
  expect(images).toEqual([
    [first, 'webp'],
    [second, 'webp'],
    [first, undefined],
    [second, undefined],
  ]);
});

test('speakers, the dominant speaker and tiles are announced as participants', async () => {
  const { updates, process, join } = await start();
  const [ada, bob] = [join('Ada'), join('Bob')];
  updates.length = 0;
  process.reports({ type: 'speaking', sources: [ada.sourceId] });
  process.reports({ type: 'speaking', sources: [ada.sourceId] });
  process.reports({ type: 'speaking', sources: [bob.sourceId] });
  process.reports({ type: 'dominant', source: bob.sourceId });
  expect(updates).toMatchObject([
    { type: 'speaking', participants: [ada.id], started: [{ id: ada.id }], stopped: [] },
    { type: 'speaking', participants: [bob.id], stopped: [{ id: ada.id }] },
    { type: 'dominant', participant: bob.id },
  ]);
  updates.length = 0;
  const place = { x: 640, y: 0, width: 640, height: 720, role: 'participant', z: 0, fit: 'crop' };
  const tiles = [{ source: bob.sourceId, ...place }];
  process.reports({ type: 'layout', tiles, ptsMicros: 5 } as never);
  expect(updates).toMatchObject([
    {
      type: 'layout',
      ptsMicros: 5,
      layout: { regions: [{ participant: bob.id, source: 'camera', x: 0.5, width: 0.5 }] },
    },
  ]);
});

test('pins of people who are here are kept until they leave', async () => {
  const { room, join } = await start();
  const ada = join('Ada');
  expect(() => room.pin(['nobody'])).toThrow(code('participant_not_found'));
  room.pin([ada.id, `${ada.id}:screen`]);
  expect(room.layout.pinned).toEqual([ada.id, `${ada.id}:screen`]);
  await room.leave(ada.id);
  expect(room.layout.pinned).toEqual([]);
});

test('a change that is refused changes nothing', async () => {
  const { room, updates } = await start();
  expect(() => room.update({ layout: 'custom', locked: true })).toThrow(code('bad_layout'));
  expect(room.settings.locked).toBe(false);
  expect(room.version).toBe(1);
  expect(updates).toEqual([]);
});

test('load steps are announced', async () => {
  const { room, process, updates } = await start();
  const steps: LoadStep[] = ['fewer_renditions'];
  process.reports({ type: 'load', steps });
  expect(updates).toEqual([{ type: 'load', steps }]);
  expect(room.telemetry.loadLevel).toBe(1);
});

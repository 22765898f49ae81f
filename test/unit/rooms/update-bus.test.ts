/** The bus of a room's updates. */
import { expect, test, vi } from 'vitest';
import { TesseraError } from '../../../src/errors.js';
import type { Update } from '../../../src/rooms/room-update.js';
import { UpdateBus } from '../../../src/rooms/update-bus.js';
import { silentLogger } from '../../support/members.js';

const EMPTY = { type: 'empty' } as const;

test('a listener that throws is counted, and the others get the update', () => {
  const bus = new UpdateBus(silentLogger);
  const broken = vi.fn(() => {
    throw new Error('broken');
  });
  const received: Update[] = [];
  bus.follow(broken);
  bus.follow((update) => received.push(update));
  bus.publish(EMPTY);
  bus.publish(EMPTY);
  expect(received).toEqual([EMPTY, EMPTY]);
  expect(broken).toHaveBeenCalledTimes(2);
  expect(bus.counters).toEqual({ update_listener_errors: 2 });
});

test('a listener may stop others, itself and add new ones during an update', () => {
  const bus = new UpdateBus(silentLogger);
  const received: string[] = [];
  const stopFirst = bus.follow(() => {
    received.push('first');
    stopFirst();
    stopSecond();
    bus.follow(() => received.push('third'));
  });
  const stopSecond = bus.follow(() => received.push('second'));
  bus.publish(EMPTY);
  expect(received).toEqual(['first']);
  bus.publish(EMPTY);
  expect(received).toEqual(['first', 'third']);
});

test('an update for one participant reaches nobody else', () => {
  const bus = new UpdateBus(silentLogger);
  const ada: Update[] = [];
  const bob: Update[] = [];
  bus.attach('ada', (update) => ada.push(update));
  bus.attach('bob', (update) => bob.push(update));
  const error = new TesseraError('connection_failed', 'no way');
  bus.tell('ada', { type: 'error', error });
  bus.detach('ada');
  bus.tell('ada', { type: 'error', error });
  bus.publish(EMPTY);
  expect(ada).toEqual([{ type: 'error', error }]);
  expect(bob).toEqual([]);
});

/** The log of events for streams that connect again. */
import { expect, test } from 'vitest';
import { EventLog } from '../../../src/api/event-log.js';
import { type RoomEvent, roomEvent } from '../../../src/rooms/room-events.js';
import { testRoom } from '../../support/test-room.js';

const { room } = testRoom('demo');

test('a stream that comes back gets what it missed, without momentary events', () => {
  const log = new EventLog();
  const heard: RoomEvent[] = [];
  const stop = log.subscribe((event) => heard.push(event));
  const events = (['room_started', 'speaking_started', 'room_changed'] as const).map((name) =>
    roomEvent(name, room),
  );
  for (const event of events) log.publish(event);
  stop();
  log.publish(roomEvent('room_finished', room));
  expect(heard).toEqual(events);
  expect(log.after(events[0]?.id ?? '').map(({ event }) => event)).toEqual([
    'room_changed',
    'room_finished',
  ]);
  expect(log.after('unknown')).toEqual([]);
});

test('only the last thousand events are kept', () => {
  const log = new EventLog();
  const [first, second] = [roomEvent('room_started', room), roomEvent('room_changed', room)];
  log.publish(first);
  log.publish(second);
  for (let i = 0; i < 999; i++) log.publish(roomEvent('room_changed', room));
  expect(log.after(first.id)).toEqual([]);
  expect(log.after(second.id)).toHaveLength(999);
});

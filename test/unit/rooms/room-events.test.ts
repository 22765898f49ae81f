/** Updates of a room as events of the API. */
import { expect, test } from 'vitest';
import type { ParticipantInfo } from '../../../src/rooms/participant-info.js';
import { eventsOf, isMomentary, roomInfo } from '../../../src/rooms/room-events.js';
import type { RoomUpdate } from '../../../src/rooms/room-update.js';
import { testRoom } from '../../support/test-room.js';

const { room } = testRoom('demo', { metadata: 'x' });

function info(id: string): ParticipantInfo {
  const media = { mic: true, camera: true, screen: false };
  return { id, identity: id, name: id, role: 'host', viewer: false, connected: true, ...media };
}

const namesOf = (update: RoomUpdate) => eventsOf(update, room).map(({ event }) => event);

test('an event describes its room', () => {
  const [event] = eventsOf({ type: 'started' }, room);
  expect(event).toMatchObject({ event: 'room_started', room: roomInfo(room) });
  expect(event?.room).toMatchObject({
    name: 'demo',
    sid: room.sid,
    metadata: 'x',
    numParticipants: 0,
    numWaiting: 0,
  });
  expect(event?.id).not.toBe(eventsOf({ type: 'started' }, room)[0]?.id);
});

test('hidden participants are in the events', () => {
  const participant = info('ada');
  expect(eventsOf({ type: 'joined', participant, hidden: true }, room)).toMatchObject([
    { event: 'participant_joined', participant },
  ]);
});

test('each participant who starts or stops speaking has an event, which is not kept', () => {
  const update: RoomUpdate = {
    type: 'speaking',
    participants: ['ada', 'bob'],
    started: [info('ada'), info('bob')],
    stopped: [info('eve')],
  };
  const events = eventsOf(update, room).map(({ event, participant }) => [event, participant?.id]);
  expect(events).toEqual([
    ['speaking_stopped', 'eve'],
    ['speaking_started', 'ada'],
    ['speaking_started', 'bob'],
  ]);
  expect(isMomentary('speaking_started')).toBe(true);
  expect(isMomentary('participant_joined')).toBe(false);
});

test('recordings and live outputs share the names of their events', () => {
  const recording = {} as never;
  const output = {} as never;
  expect(namesOf({ type: 'recording', phase: 'started', recording })).toEqual(['egress_started']);
  expect(namesOf({ type: 'output', phase: 'ended', output })).toEqual(['egress_ended']);
});

test('what concerns the room alone is no event', () => {
  const message = { id: 'c', from: 'ada', name: 'Ada', text: 'hello', time: 1 };
  expect(namesOf({ type: 'chat', message })).toEqual([]);
  expect(namesOf({ type: 'room' })).toEqual([]);
  expect(namesOf({ type: 'empty' })).toEqual([]);
});

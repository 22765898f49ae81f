import type { TObject } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { beforeEach, expect, test } from 'vitest';
import {
  handle,
  type MessageHandlers,
  messageHandlers,
} from '../../../client/sdk/message-handlers.js';
import { RoomModel } from '../../../client/sdk/room-model.js';
import type { MessageOf } from '../../../src/protocol/handlers.js';
import type { ParticipantState } from '../../../src/protocol/participants.js';
import { ServerMessage } from '../../../src/protocol/server-messages.js';

let model: RoomModel;
let handlers: MessageHandlers;
/** Names of events, and what the other parts were asked to do. */
let log: string[];
let events: [string, unknown][];

beforeEach(() => {
  log = [];
  events = [];
  const emit = (name: string, value: unknown) => {
    log.push(name);
    events.push([name, value]);
  };
  const note = (name: string) => () => {
    log.push(name);
  };
  const later = (name: string) => async () => {
    log.push(name);
  };
  model = new RoomModel(emit);
  handlers = messageHandlers({
    model,
    emit,
    media: {
      takeAnswer: later('> answer'),
      takeCandidate: later('> candidate'),
      setIceServers: note('> ice servers'),
    },
    local: { muted: note('> muted'), cameraShown: note('> cameraShown') },
    recordings: { answered: note('> recordings') },
    onWelcome: later('> welcome'),
    onChanged: later('> changed'),
    onError: note('> error'),
  });
});

function person(id: string, change: Partial<ParticipantState> = {}): ParticipantState {
  const on = { mic: true, camera: true, screen: false, connected: true };
  return { id, identity: id, name: id, role: 'participant', viewer: false, ...on, ...change };
}

function welcome(
  change: Partial<MessageOf<ServerMessage, 'welcome'>> = {},
): MessageOf<ServerMessage, 'welcome'> {
  return {
    type: 'welcome',
    participant: 'me',
    token: 't',
    resumed: false,
    room: {
      id: 'demo',
      locked: true,
      lobby: false,
      recording: 'paused',
      live: true,
      layout: { mode: 'speaker', width: 1280, height: 720, pinned: ['ada'], regions: [] },
      participants: [person('ada', { role: 'host' }), person('me')],
    },
    iceServers: [],
    renditions: ['1280x720@30', 'audio'],
    ...change,
  };
}

const chat = (id: string) => ({ id, from: 'ada', name: 'Ada', text: id, time: 1 });

test.each(
  ServerMessage.anyOf.map((schema) => [(schema as TObject).properties.type?.const, schema]),
)('%s is handled', async (type, schema) => {
  const example = Value.Create(schema as TObject) as ServerMessage;
  await handle(handlers, example);
  if (type !== 'token' && type !== 'connection') expect(log.length).toBeGreaterThan(0);
  else expect(log).toEqual([]);
});

test('a message of a newer server is ignored', async () => {
  await handle(handlers, { type: 'dance' } as unknown as ServerMessage);
  expect(log).toEqual([]);
});

test('the welcome fills the model before media starts', async () => {
  await handle(handlers, welcome());
  expect(log).toEqual(['settings', 'layout', 'participants', '> welcome']);
  expect(model.self).toMatchObject({ id: 'me', role: 'participant' });
  expect(model.participants.map(({ id }) => id)).toEqual(['ada', 'me']);
  expect(model.status).toEqual({ locked: true, lobby: false, recording: 'paused', live: true });
  expect(model.layout).toMatchObject({ mode: 'speaker', pinned: ['ada'] });
  expect(model.renditions).toEqual(['1280x720@30', 'audio']);
});

test('another welcome replaces the participants and keeps the chat', async () => {
  await handle(handlers, welcome());
  await handle(handlers, { type: 'chat', message: chat('new') });
  await handle(handlers, { type: 'left', participant: 'ada' });
  await handle(handlers, { type: 'joined', participant: person('bob') });
  await handle(handlers, welcome());
  expect(model.participants.map(({ id }) => id)).toEqual(['ada', 'me']);
  await handle(handlers, { type: 'history', messages: [chat('old'), chat('new')] });
  expect(model.chat.map(({ id }) => id)).toEqual(['old', 'new']);
  expect(events.at(-1)).toEqual(['history', [chat('old'), chat('new')]]);
});

test('history that comes late goes before newer messages', async () => {
  await handle(handlers, { type: 'chat', message: chat('3') });
  await handle(handlers, { type: 'history', messages: [chat('1'), chat('2')] });
  expect(model.chat.map(({ id }) => id)).toEqual(['1', '2', '3']);
});

test('participants join, change and leave', async () => {
  await handle(handlers, welcome());
  await handle(handlers, { type: 'joined', participant: person('bob') });
  await handle(handlers, { type: 'changed', participant: person('bob', { mic: false }) });
  expect(model.participants.at(-1)).toMatchObject({ id: 'bob', mic: false });
  expect(log.slice(-2)).toEqual(['participants', '> changed']);
  await handle(handlers, { type: 'left', participant: 'bob' });
  expect(model.participants.map(({ id }) => id)).toEqual(['ada', 'me']);
});

test('the lobby: waiting, then connecting once admitted', async () => {
  await handle(handlers, { type: 'waiting', room: 'demo' });
  expect(model.state).toBe('waiting');
  await handle(handlers, welcome());
  expect(model.state).toBe('connecting');
  const states = events.filter(([name]) => name === 'state').map(([, value]) => value);
  expect(states).toMatchObject([{ state: 'waiting' }, { state: 'connecting' }]);
});

test('states: connected is announced each time, left and failed are final', () => {
  model.setState('connected');
  model.setState('connected');
  model.setState('reconnecting');
  model.setState('reconnecting');
  model.setState('failed', 'lost');
  model.setState('connected');
  expect(model.state).toBe('failed');
  expect(events.map(([, value]) => (value as { state: string }).state)).toEqual([
    'connected',
    'connected',
    'reconnecting',
    'failed',
  ]);
});

test('a mute of the host switches media off before it is announced', async () => {
  await handle(handlers, { type: 'muted', mic: true, camera: false });
  expect(log).toEqual(['> muted', 'muted']);
  expect(events).toEqual([['muted', { mic: true }]]);
});

test('a layout keeps its timestamp', async () => {
  const { layout } = welcome().room;
  await handle(handlers, { type: 'layout', layout, timestamp: 90_000 });
  await handle(handlers, { type: 'layout', layout });
  expect(events).toEqual([
    ['layout', { layout, timestamp: 90_000 }],
    ['layout', { layout, timestamp: undefined }],
  ]);
});

test('speaking, lobby, rendition and room status can be read later', async () => {
  await handle(handlers, { type: 'speaking', participants: ['ada'] });
  await handle(handlers, { type: 'lobby', waiting: [{ id: 'w', name: 'Will' }] });
  await handle(handlers, { type: 'rendition', rendition: 'audio' });
  const room = { locked: false, lobby: true, recording: 'on', live: false } as const;
  await handle(handlers, { type: 'room', room });
  expect(model).toMatchObject({
    speaking: ['ada'],
    lobby: [{ id: 'w', name: 'Will' }],
    rendition: 'audio',
    status: room,
  });
});

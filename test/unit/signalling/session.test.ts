/** One client's signalling, over a socket of the test's own. */
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { TesseraError } from '../../../src/errors.js';
import type { ServerMessage } from '../../../src/protocol/server-messages.js';
import type { Caller } from '../../../src/rooms/caller.js';
import { MediaConnection } from '../../../src/rooms/media-connection.js';
import type { ParticipantInfo } from '../../../src/rooms/participant-info.js';
import type { MemberUpdate, RoomUpdate, Update } from '../../../src/rooms/room-update.js';
import {
  RESUME_MS,
  Session,
  type SessionDependencies,
  type SignallingSocket,
} from '../../../src/signalling/session.js';
import { grantOf, silentLogger } from '../../support/members.js';
import { testRoom } from '../../support/test-room.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

class FakeSocket implements SignallingSocket {
  readonly messages: ServerMessage[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  send(text: string): void {
    this.messages.push(JSON.parse(text) as ServerMessage);
  }

  close(code: number, reason: string): void {
    this.closed ??= { code, reason };
  }

  get types(): string[] {
    return this.messages.map(({ type }) => type);
  }

  /** The last message, which must be of this type. */
  last<T extends ServerMessage['type']>(type: T): Extract<ServerMessage, { type: T }> {
    const message = this.messages.at(-1);
    if (message?.type !== type) throw new Error(`the last message is ${JSON.stringify(message)}`);
    return message as Extract<ServerMessage, { type: T }>;
  }
}

function start() {
  const { room } = testRoom('demo');
  const sessions = new Map<string, Session>();
  const dependencies: SessionDependencies = {
    openRoom: async () => room,
    endRoom: vi.fn(async () => {}),
    recordingAccess: async (_, role) => ({ reads: true, writes: role === 'host', token: 'rec' }),
    iceServers: () => [{ urls: ['stun:example.org'] }],
    sessions,
    logger: silentLogger,
  };
  const connect = (caller: Partial<Caller> = {}) => {
    const socket = new FakeSocket();
    const whole: Caller = {
      grant: grantOf('participant'),
      expired: false,
      revoked: () => false,
      renew: async () => undefined,
      ...caller,
    };
    const session = new Session(socket, whole, dependencies);
    const send = async (message: object | string) => {
      session.receive(typeof message === 'string' ? message : JSON.stringify(message));
      await vi.advanceTimersByTimeAsync(0);
    };
    return { socket, session, send };
  };
  const join = async (caller: Partial<Caller> = {}, name = 'Ada') => {
    const client = connect(caller);
    await client.send({ type: 'join', room: 'demo', name });
    const welcome = client.socket.messages.find((message) => message.type === 'welcome');
    if (welcome?.type !== 'welcome') throw new Error('no welcome');
    return { ...client, welcome };
  };
  return { room, sessions, dependencies, connect, join };
}

const HOST = { grant: grantOf('host') };

test('join is answered by a welcome with the room as it is', async () => {
  const { room, join, connect } = start();
  room.chat.write((await join(HOST, 'Host')).welcome.participant, 'hello');
  const { socket, welcome } = await join();
  expect(welcome).toMatchObject({
    resumed: false,
    room: { id: 'demo', locked: false, recording: 'off', layout: { mode: 'grid' } },
    iceServers: [{ urls: ['stun:example.org'] }],
    renditions: ['1280x720@30', '640x360@30', 'audio'],
  });
  expect(welcome.room.participants.map(({ name }) => name)).toEqual(['Host', 'Ada']);
  expect(socket.types).toEqual(['welcome', 'history']);
  const again = connect();
  await again.send({ type: 'join', room: 'demo', name: '' });
  expect(again.socket.last('error').code).toBe('bad_message');
});

test('messages out of order, unknown or broken are answered by errors', async () => {
  const { connect, join } = start();
  const { send, socket, session } = connect();
  await send({ type: 'chat', text: 'too early' });
  expect(socket.last('error').code).toBe('out_of_order');
  await send({ type: 'dance' });
  expect(socket.last('error').code).toBe('bad_message');
  await send('{');
  expect(socket.last('error').code).toBe('bad_message');
  await send('x'.repeat(70_000));
  expect(socket.last('error').code).toBe('message_too_large');
  expect(session.idle).toBe(true);
  const joined = await join();
  await joined.send({ type: 'join', room: 'demo', name: 'Ada' });
  expect(joined.socket.last('error').code).toBe('out_of_order');
});

test.each([
  ['token_expired', { expired: true }],
  ['forbidden', { grant: { ...grantOf('participant'), room: 'another' } }],
  ['removed', { revoked: () => true }],
])('a join is refused with %s', async (code, caller) => {
  const { connect, room } = start();
  const { send, socket } = connect(caller);
  await send({ type: 'join', room: 'demo', name: 'Ada' });
  expect(socket.last('error').code).toBe(code);
  expect(room.size).toBe(0);
});

test('a client that sends too much at once is cut off', async () => {
  const { connect } = start();
  const { session, socket } = connect();
  for (let i = 0; i < 128; i++) session.receive('{}');
  expect(socket.closed).toBeUndefined();
  session.receive('{}');
  expect(socket.last('error').code).toBe('too_many_messages');
  expect(socket.closed).toEqual({ code: 1008, reason: 'too_many_messages' });
});

test('a session whose socket was lost is resumed with its token, and only with it', async () => {
  const { join, connect, room } = start();
  const { session, socket, welcome } = await join();
  const { participant, token } = welcome;
  // The media connection is up: without it, a lost socket ends the participation soon.
  vi.spyOn(room.participant(participant), 'connectionState', 'get').mockReturnValue('connected');
  session.socketClosed(socket);
  await vi.advanceTimersByTimeAsync(RESUME_MS - 1000);

  const wrong = connect();
  await wrong.send({ type: 'resume', participant, token: 'x'.repeat(token.length) });
  expect(wrong.socket.last('error').code).toBe('resume_failed');
  const right = connect();
  await right.send({ type: 'resume', participant, token });
  expect(right.socket.last('welcome')).toMatchObject({ participant, resumed: true });
  expect(right.session.idle).toBe(false);

  await vi.advanceTimersByTimeAsync(2 * RESUME_MS);
  expect(room.size).toBe(1);
  await right.send({ type: 'chat', text: 'back' });
  expect(right.socket.last('chat').message.text).toBe('back');
  right.session.socketClosed(right.socket);
  await vi.advanceTimersByTimeAsync(RESUME_MS + 1000);
  expect(room.size).toBe(0);
});

test('without media, a participant whose socket is lost leaves at once', async () => {
  const { join, room, sessions } = start();
  const { session, socket } = await join();
  session.socketClosed(socket);
  await vi.advanceTimersByTimeAsync(300);
  expect(room.size).toBe(0);
  expect(sessions.size).toBe(0);
});

test('leave ends the participation and closes the socket', async () => {
  const { join, room } = start();
  const { send, socket } = await join();
  await send({ type: 'leave' });
  expect(room.size).toBe(0);
  expect(socket.closed).toEqual({ code: 1000, reason: 'left' });
});

test('who waits gets a welcome when a host admits them, or an error', async () => {
  const { join, connect, room } = start();
  const host = await join(HOST, 'Host');
  await host.send({ type: 'moderate', action: 'lobby', enabled: true });
  const [ada, bob] = [connect(), connect()];
  for (const { send } of [ada, bob]) await send({ type: 'join', room: 'demo', name: 'Guest' });
  expect(ada.socket.types).toEqual(['waiting']);
  const waiting = host.socket.last('lobby').waiting.map(({ id }) => id);
  await host.send({ type: 'moderate', action: 'admit', participant: waiting[0] });
  await host.send({ type: 'moderate', action: 'deny', participant: waiting[1] });
  expect(ada.socket.types).toEqual(['waiting', 'welcome']);
  expect(bob.socket.last('error').code).toBe('not_admitted');
  expect(bob.socket.closed).toEqual({ code: 4000, reason: 'not_admitted' });
  expect(room.size).toBe(2);
});

test('only hosts moderate', async () => {
  const { join, room, dependencies } = start();
  const { send, socket } = await join();
  await send({ type: 'moderate', action: 'lock', locked: true });
  expect(socket.last('error').code).toBe('forbidden');
  const host = await join(HOST, 'Host');
  await host.send({ type: 'moderate', action: 'lock', locked: true });
  expect(room.settings.locked).toBe(true);
  expect(socket.last('room').room.locked).toBe(true);
  await host.send({ type: 'moderate', action: 'end' });
  expect(dependencies.endRoom).toHaveBeenCalledWith('demo');
});

test('ICE servers come anew when a client asks before a restart', async () => {
  const { join } = start();
  const { socket, send } = await join();
  await send({ type: 'iceServers' });
  const iceServers = [{ urls: ['stun:example.org'] }];
  expect(socket.last('iceServers')).toEqual({ type: 'iceServers', iceServers });
});

test('what a client cannot play is known to all after the next look', async () => {
  const { join, room } = start();
  const { send } = await join();
  const { media } = room.participant(room.participants[0]?.id ?? '');
  const said = vi.spyOn(media, 'setMixMissing');
  await send({ type: 'missing', mix: true });
  expect(said).toHaveBeenCalledWith(true);
});

test('recording access and new tokens are sent', async () => {
  const { join } = start();
  const renew = vi.fn(async () => 'new token');
  const { send, socket } = await join({ renew });
  expect(socket.last('token').token).toBe('new token');
  await send({ type: 'recordings' });
  expect(socket.last('recordings')).toEqual({
    type: 'recordings',
    reads: true,
    writes: false,
    token: 'rec',
  });
});

test('the end of the server lets clients come back, that of the room does not', async () => {
  const { join, room } = start();
  const [ada, bob] = [await join(), await join()];
  room.membership.dismiss(ada.welcome.participant, new TesseraError('room_ended', 'over'));
  room.membership.dismiss(bob.welcome.participant, new TesseraError('shutting_down', 'soon back'));
  expect(ada.socket.closed).toEqual({ code: 4000, reason: 'room_ended' });
  expect(bob.socket.closed).toEqual({ code: 1001, reason: 'shutting_down' });
});

const INFO: ParticipantInfo = {
  id: 'other',
  identity: 'other',
  name: 'Other',
  role: 'participant',
  viewer: false,
  mic: true,
  camera: true,
  screen: false,
  connected: true,
};
const LAYOUT = { mode: 'grid', width: 1280, height: 720, pinned: [], regions: [] } as const;
const CHAT = { id: 'c', from: 'other', name: 'Other', text: 'hello', time: 1 };
const APP = { from: 'other', topic: 't', data: 1, time: 1 };
const ERROR = new TesseraError('video_too_large', 'too large', { next: 'Send less.' });
const of = <U extends Update>(update: U) => update;
const ROOM = { locked: false, lobby: false, recording: 'off', live: false };

/** The message that each update becomes; undefined for those that clients do not get. */
const WIRE: { [K in Update['type']]: [Extract<Update, { type: K }>, object | undefined] } = {
  started: [{ type: 'started' }, undefined],
  ended: [{ type: 'ended' }, undefined],
  empty: [{ type: 'empty' }, undefined],
  settings: [{ type: 'settings' }, undefined],
  image: [{ type: 'image', name: 'logo', image: undefined }, undefined],
  load: [{ type: 'load', steps: [] }, undefined],
  waiting: [
    { type: 'waiting', waiting: { id: 'w', name: 'W', identity: '', since: 0 } },
    undefined,
  ],
  recording: [{ type: 'recording', phase: 'started', recording: {} as never }, undefined],
  output: [{ type: 'output', phase: 'ended', output: {} as never }, undefined],
  joined: [
    { type: 'joined', participant: INFO, hidden: false },
    { type: 'joined', participant: INFO },
  ],
  left: [
    { type: 'left', participant: INFO, hidden: false },
    { type: 'left', participant: 'other' },
  ],
  changed: [
    { type: 'changed', participant: INFO, hidden: false },
    { type: 'changed', participant: INFO },
  ],
  speaking: [
    { type: 'speaking', participants: ['other'], started: [INFO], stopped: [] },
    { type: 'speaking', participants: ['other'] },
  ],
  dominant: [{ type: 'dominant', participant: undefined }, { type: 'dominant' }],
  room: [{ type: 'room' }, { type: 'room', room: ROOM }],
  layout: [
    { type: 'layout', layout: { ...LAYOUT, pinned: [], regions: [] }, ptsMicros: undefined },
    { type: 'layout', layout: LAYOUT },
  ],
  chat: [
    { type: 'chat', message: CHAT },
    { type: 'chat', message: CHAT },
  ],
  error: [
    { type: 'error', error: ERROR },
    { type: 'error', code: 'video_too_large', message: 'too large', next: 'Send less.' },
  ],
  candidate: [
    { type: 'candidate', candidate: 'candidate:1' },
    { type: 'candidate', candidate: 'candidate:1' },
  ],
  connection: [
    { type: 'connection', state: 'failed' },
    { type: 'connection', state: 'failed' },
  ],
  rendition: [
    { type: 'rendition', rendition: 'audio' },
    { type: 'rendition', rendition: 'audio' },
  ],
  cameraShown: [
    { type: 'cameraShown', width: 640, height: 360 },
    { type: 'cameraShown', width: 640, height: 360 },
  ],
  lobby: [
    { type: 'lobby', waiting: [{ id: 'w', name: 'W', identity: 'secret', since: 0 }] },
    { type: 'lobby', waiting: [{ id: 'w', name: 'W' }] },
  ],
  muted: [
    { type: 'muted', off: { mic: true } },
    { type: 'muted', mic: true },
  ],
  unmuteAsked: [
    { type: 'unmuteAsked', on: { camera: true } },
    { type: 'unmuteAsked', camera: true },
  ],
  appMessage: [
    { type: 'appMessage', message: APP },
    { type: 'message', ...APP },
  ],
  data: [{ type: 'data', text: '{"type":"chat","text":"hi"}' }, { type: 'chat' }],
  admitted: [{ type: 'admitted', participant: 'nobody' }, undefined],
  closed: [
    { type: 'closed', reason: ERROR },
    { type: 'error', code: 'video_too_large' },
  ],
};
const TO_ONE: ReadonlySet<string> = new Set<MemberUpdate['type']>([
  'error',
  'candidate',
  'connection',
  'rendition',
  'cameraShown',
  'lobby',
  'muted',
  'unmuteAsked',
  'appMessage',
  'data',
  'admitted',
  'closed',
]);

test.each(Object.values(WIRE).map(([update, message]) => [update.type, update, message] as const))(
  'the update %s reaches the wire',
  async (type, update, message) => {
    const { join, room } = start();
    const { socket, welcome } = await join();
    const before = socket.messages.length;
    if (TO_ONE.has(type)) room.updates.tell(welcome.participant, of(update as MemberUpdate));
    else room.updates.publish(of(update as RoomUpdate));
    const sent = socket.messages.slice(before);
    expect(sent).toEqual(message ? [expect.objectContaining(message)] : []);
  },
);

test('hidden participants are announced to themselves only', async () => {
  const { join, room } = start();
  const { socket, welcome } = await join();
  const before = socket.messages.length;
  const own = { ...INFO, id: welcome.participant };
  for (const type of ['joined', 'left', 'changed'] as const) {
    room.updates.publish({ type, participant: INFO, hidden: true });
    room.updates.publish({ type, participant: own, hidden: true });
  }
  expect(socket.messages.slice(before)).toEqual([{ type: 'changed', participant: own }]);
});

test('errors in data channel messages are answered', async () => {
  const { join, room } = start();
  const { socket, welcome } = await join();
  room.updates.tell(welcome.participant, { type: 'data', text: '{"type":"leave"}' });
  expect(socket.last('error').code).toBe('bad_message');
});

test('a camera in no format that is taken: its client and the others learn it', async () => {
  const { join } = start();
  const { prototype } = MediaConnection;
  vi.spyOn(prototype, 'negotiate').mockResolvedValue('the answer');
  vi.spyOn(prototype, 'refused', 'get').mockReturnValue([{ kind: 'video', offered: ['H263'] }]);
  onTestFinished(() => void vi.restoreAllMocks());
  const { send, socket } = await join();
  await send({ type: 'offer', sdp: 'v=0' });
  expect(socket.types.slice(-2)).toEqual(['answer', 'error']);
  expect(socket.last('error').code).toBe('unsupported_media');
  const { welcome } = await join(HOST, 'Bob');
  expect(welcome.room.participants[0]).toMatchObject({ trouble: 'unsupported' });
});

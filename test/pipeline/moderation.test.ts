/** Moderation by hosts and by the API, and that nobody else can moderate. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signToken, videoGrantFor } from '../../src/api/access-token.js';
import { makeKey } from '../../src/config/api-keys.js';
import type { Role } from '../../src/protocol/participants.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { sleep, TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

const key = makeKey();
const keys = `${key.id}:${key.secret}`;
let server: TestServer;
let admin: string;
beforeAll(async () => {
  server = await TestServer.start({ TESSERA_AUTH_KEYS: keys, TESSERA_ROOM_EMPTY_SECONDS: '1' });
  admin = await signToken(key, {
    video: { roomCreate: true, roomList: true, roomAdmin: true },
    seconds: 600,
  });
});
afterAll(() => server?.close());

const api = (method: string, path: string, body?: unknown) =>
  callApi(server, method, path, { token: admin, body });

const tokenFor = (room: string, identity: string, role: Role = 'participant') =>
  signToken(key, { identity, video: videoGrantFor(room, role), seconds: 600 });

async function enter(room: string, identity: string, role: Role = 'participant'): Promise<Wire> {
  return Wire.join(server, room, identity, { token: await tokenFor(room, identity, role) });
}

test('a locked room admits only hosts and returning participants', async () => {
  const host = await enter('locked', 'host', 'host');
  const ada = await enter('locked', 'ada');
  host.send({ type: 'moderate', action: 'lock', locked: true });
  expect(await ada.next('room')).toMatchObject({ room: { locked: true } });
  expect((await enter('locked', 'eve')).error).toBe('room_locked');
  const second = await enter('locked', 'second', 'host');
  expect(second.error).toBeUndefined();
  // Ada lost her session, and proves that she was in.
  const { token: previous } = await ada.next('welcome');
  ada.send({ type: 'leave' });
  await waitFor('her leave', () => ada.closeCode === 1000);
  const token = await tokenFor('locked', 'ada');
  const back = await Wire.join(server, 'locked', 'Ada', { token, previous: String(previous) });
  expect(back.error).toBeUndefined();
  const forged = await Wire.join(server, 'locked', 'Eve', {
    token: await tokenFor('locked', 'eve'),
    previous: 'x'.repeat(32),
  });
  expect(forged.error).toBe('room_locked');
  for (const one of [host, second, back, forged]) one.socket.close();
});

test('participants and viewers cannot moderate', async () => {
  const host = await enter('powerless', 'host', 'host');
  const ada = await enter('powerless', 'ada');
  const viewer = await enter('powerless', 'viewer', 'viewer');
  for (const one of [ada, viewer]) {
    for (const action of [
      { action: 'lock', locked: true },
      { action: 'lobby', enabled: true },
      { action: 'admit', participant: 'x' },
      { action: 'deny', participant: 'x' },
      { action: 'remove', participant: host.id },
      { action: 'mute', mic: true },
      { action: 'askToUnmute', participant: host.id, mic: true },
      { action: 'rename', participant: host.id, name: 'x' },
      { action: 'role', participant: one.id, role: 'host' },
      { action: 'gain', participant: host.id, gainDb: -60 },
      { action: 'end' },
    ]) {
      one.messages.length = 0;
      one.send({ type: 'moderate', ...action });
      await waitFor('the refusal', () => one.error === 'forbidden');
    }
  }
  const { body } = await api('GET', '/rooms/powerless');
  expect(body).toMatchObject({ locked: false, lobby: false, numParticipants: 3 });
  for (const one of [host, ada, viewer]) one.socket.close();
});

test('people wait in the lobby until a host or the API decides', async () => {
  await api('POST', '/rooms', { name: 'lobby', lobby: true });
  const ada = await enter('lobby', 'ada');
  expect(await ada.next('waiting')).toMatchObject({ room: 'lobby' });
  const host = await enter('lobby', 'host', 'host');
  expect((await host.next('lobby')).waiting).toMatchObject([{ name: 'ada' }]);
  const eve = await enter('lobby', 'eve');
  const gone = await enter('lobby', 'gone');
  ada.send({ type: 'offer', sdp: 'v=0' });
  expect(await ada.next('error')).toMatchObject({ code: 'out_of_order' });
  const waiting = async (): Promise<{ id: string; name: string }[]> =>
    (await api('GET', '/rooms/lobby/lobby')).body;
  expect((await waiting()).map(({ name }) => name)).toEqual(['ada', 'eve', 'gone']);
  gone.socket.terminate();
  await waitFor('one less', async () => (await waiting()).length === 2);
  const [first, second] = await waiting();
  host.send({ type: 'moderate', action: 'admit', participant: first?.id });
  await ada.next('welcome');
  expect((await api('POST', `/rooms/lobby/lobby/${second?.id}/deny`)).status).toBe(204);
  await waitFor('eve to go', () => eve.closeCode === 4000);
  expect(eve.error).toBe('not_admitted');
  expect((await api('POST', `/rooms/lobby/lobby/${second?.id}/admit`)).body.code).toBe(
    'participant_not_found',
  );
  const bob = await enter('lobby', 'bob');
  await bob.next('waiting');
  const [third] = await waiting();
  expect((await api('POST', `/rooms/lobby/lobby/${third?.id}/admit`)).status).toBe(204);
  await bob.next('welcome');
  const twin = await enter('lobby', 'last');
  await twin.next('waiting');
  const last = await enter('lobby', 'last');
  await last.next('waiting');
  await waitFor('the first of the two to go', () => twin.closeReason === 'replaced');
  // Without a lobby nobody waits.
  host.send({ type: 'moderate', action: 'lobby', enabled: false });
  await last.next('welcome');
  for (const one of [ada, host, bob, last]) one.socket.close();
});

test('a removed participant cannot return with the same token, even after a restart', async () => {
  const dataDir = `${server.dataDir}-restart`;
  const environment = { TESSERA_AUTH_KEYS: keys, TESSERA_DATA_DIR: dataDir };
  let own = await TestServer.start(environment);
  const token = await tokenFor('removed', 'eve');
  const eve = await Wire.join(own, 'removed', 'Eve', { token });
  const { token: resumeToken } = await eve.next('welcome');
  const path = `/rooms/removed/participants/${eve.id}`;
  expect((await callApi(own, 'DELETE', path, { token: admin })).status).toBe(204);
  await waitFor('her end', () => eve.closeCode === 4000);
  expect([eve.error, eve.closeReason]).toEqual(['removed', 'removed']);
  expect(await Wire.upgrade(own, { token })).toEqual([403, 'removed']);
  const resumed = await Wire.open(own, { token: await tokenFor('removed', 'other') });
  resumed.send({ type: 'resume', participant: eve.id, token: resumeToken });
  expect(await resumed.next('error')).toMatchObject({ code: 'resume_failed' });
  await own.close();
  own = await TestServer.start(environment);
  expect(await Wire.upgrade(own, { token })).toEqual([403, 'removed']);
  await own.close();
});

test('a created room survives a restart; an ended one does not', async () => {
  const dataDir = `${server.dataDir}-kept`;
  const environment = { TESSERA_AUTH_KEYS: keys, TESSERA_DATA_DIR: dataDir };
  let own = await TestServer.start(environment);
  const onOwn = (method: string, path: string, body?: unknown) =>
    callApi(own, method, path, { token: admin, body });
  await onOwn('POST', '/rooms', { name: 'kept', locked: true, metadata: 'm' });
  await onOwn('POST', '/rooms', { name: 'over', locked: true });
  await onOwn('DELETE', '/rooms/over');
  const host = await Wire.join(own, 'kept', 'Host', {
    token: await tokenFor('kept', 'host', 'host'),
  });
  const { body: before } = await onOwn('GET', '/rooms/kept');
  host.send({ type: 'moderate', action: 'role', participant: host.id, role: 'participant' });
  const { token: previous } = await host.next('welcome');
  await own.close();
  own = await TestServer.start(environment);
  const { body: rooms } = await onOwn('GET', '/rooms');
  expect(rooms).toMatchObject([
    { name: 'kept', locked: true, metadata: 'm', creationTime: before.creationTime },
  ]);
  const token = await tokenFor('kept', 'ada');
  expect((await Wire.join(own, 'kept', 'Eve', { token })).error).toBe('room_locked');
  // Nobody else comes in with the host's proof.
  const proof = { previous: String(previous) };
  expect((await Wire.join(own, 'kept', 'Eve', { token, ...proof })).error).toBe('room_locked');
  const same = await tokenFor('kept', 'host');
  const back = await Wire.join(own, 'kept', 'Back', { token: same, ...proof });
  expect(back.error).toBeUndefined();
  await own.close();
});

test('a room ends after its time, for everybody', async () => {
  const created = await api('POST', '/rooms', { name: 'short', maxSeconds: 600 });
  const ada = await enter('short', 'ada');
  // Joining may take longer than the time that is set now.
  const change = { token: admin, body: { maxSeconds: 2 } };
  const headers = { 'if-match': created.headers.get('etag') ?? '' };
  const { status } = await callApi(server, 'PATCH', '/rooms/short', { ...change, headers });
  expect(status).toBe(200);
  await waitFor('the end', () => ada.closeCode === 4000);
  expect(ada.error).toBe('room_ended');
  expect((await api('GET', '/rooms/short')).status).toBe(404);
  await api('POST', '/rooms', { name: 'ended', maxParticipants: 1 });
  const host = await enter('ended', 'host', 'host');
  expect((await enter('ended', 'bob')).error).toBe('room_full');
  host.send({ type: 'moderate', action: 'end' });
  await waitFor('the end', () => host.closeCode === 4000);
  expect(host.error).toBe('room_ended');
});

test('hidden participants are visible to nobody; sources outside of the token are not sent', async () => {
  const ada = await enter('hidden', 'ada');
  const video = { ...videoGrantFor('hidden', 'participant'), hidden: true };
  const token = await signToken(key, { identity: 'spy', video, seconds: 60 });
  const spy = await Wire.join(server, 'hidden', 'Spy', { token });
  const welcome = (await spy.next('welcome')) as unknown as { room: { participants: object[] } };
  expect(welcome.room.participants).toMatchObject([{ name: 'ada' }, { name: 'Spy', viewer: true }]);
  const bob = await enter('hidden', 'bob');
  const seen = (await bob.next('welcome')) as unknown as { room: { participants: object[] } };
  expect(seen.room.participants).toMatchObject([{ name: 'ada' }, { name: 'bob' }]);
  spy.send({ type: 'leave' });
  bob.send({ type: 'leave' });
  await ada.next('left');
  const heard = ada.messages.filter(({ type }) => ['joined', 'left', 'changed'].includes(type));
  expect(heard).toHaveLength(2);
  const { body } = await api('GET', '/rooms/hidden/participants');
  expect(body).toMatchObject([{ name: 'ada' }]);
  ada.socket.close();
});

test('mute, gain, name and role take effect; unmuting needs consent', async () => {
  const room = 'heard';
  const bot = async (name: string, frequency: number, role: Role = 'participant') =>
    Bot.join(server, { room, name, frequency, token: await tokenFor(room, name, role) });
  const ada = await bot('ada', 440);
  const bob = await bot('bob', 1000);
  const host = await enter(room, 'host', 'host');
  const level = (of: Bot, frequency: number) => of.toneLevel(frequency);
  await waitFor('both to be heard', async () => {
    return (await level(bob, 440)) > -25 && (await level(ada, 1000)) > -25;
  });
  const { body: people } = await api('GET', `/rooms/${room}/participants`);
  const idOf = (name: string): string =>
    people.find((one: { identity: string }) => one.identity === name).id;
  const path = `/rooms/${room}/participants/${idOf('ada')}`;

  // The level is of the last second: wait until all of it has the tone.
  const loud = await waitFor('a steady level', async () => {
    const before = await level(bob, 440);
    await sleep(700);
    const after = await level(bob, 440);
    return Math.abs(after - before) < 0.3 ? after : undefined;
  });
  const patched = await api('PATCH', path, { gainDb: -12, name: ' Ada L. ' });
  expect(patched.body).toMatchObject({ gainDb: -12, name: 'Ada L.' });
  await waitFor('the gain', async () => Math.abs((await level(bob, 440)) - (loud - 12)) < 2);
  await api('PATCH', path, { gainDb: 0 });

  expect((await api('POST', `${path}/mute`, { mic: true })).status).toBe(204);
  await waitFor('silence', async () => (await level(bob, 440)) < -50);
  expect((await api('GET', path)).body).toMatchObject({ mic: false, camera: true });
  // The request alone changes nothing: the participant has to unmute.
  expect((await api('POST', `${path}/ask-to-unmute`, { mic: true })).status).toBe(202);
  // The level is of the last second.
  await sleep(1000);
  expect(await level(bob, 440)).toBeLessThan(-50);
  await ada.mute({ mic: true });
  await waitFor('sound again', async () => (await level(bob, 440)) > -25);

  host.send({ type: 'moderate', action: 'mute', mic: true });
  await waitFor('silence of all', async () => {
    return (await level(bob, 440)) < -50 && (await level(ada, 1000)) < -50;
  });
  await ada.mute({ mic: true });
  await bob.mute({ mic: true });

  // A viewer is not heard, even if the client sends audio; a participant is heard again.
  await api('PATCH', path, { role: 'viewer' });
  await waitFor('the viewer to be silent', async () => (await level(bob, 440)) < -50);
  expect((await api('GET', path)).body).toMatchObject({ role: 'viewer', viewer: true });
  await api('PATCH', path, { role: 'participant' });
  await waitFor('sound again', async () => (await level(bob, 440)) > -25);
  for (const one of [ada, bob]) one.kill();
  host.socket.close();
});

test('the log has each step with room and participant, and no secret, SDP or address', () => {
  const text = server.log.join('');
  for (const secret of [key.secret, 'eyJ', 'a=ice', 'candidate:', '127.0.0.1', 'resume']) {
    expect(text).not.toContain(secret);
  }
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const of = (message: string) => lines.filter(({ msg }) => msg === message);
  expect(of('room started').length).toBeGreaterThan(5);
  expect(of('room ended').every(({ room }) => typeof room === 'string')).toBe(true);
  expect(of('participant joined')).toEqual(
    expect.arrayContaining([expect.objectContaining({ room: 'heard', identity: 'ada' })]),
  );
  for (const { participant, room } of of('participant left')) {
    expect([typeof participant, typeof room]).toEqual(['string', 'string']);
  }
});

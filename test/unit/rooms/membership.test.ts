/** Who comes into a room, waits, leaves and comes back. */
import { expect, test } from 'vitest';
import { TesseraError } from '../../../src/errors.js';
import { grantOf, TestMembership } from '../../support/members.js';

const code = (code: string) => expect.objectContaining({ code });

test('the others learn who joined and left; who joins does not learn of themselves', async () => {
  const room = new TestMembership();
  const ada = room.join('Ada');
  const bob = room.join('Bob');
  expect(ada.received).toEqual([
    {
      type: 'joined',
      participant: expect.objectContaining({ id: bob.participant.id, name: 'Bob' }),
      hidden: false,
    },
  ]);
  expect(bob.received).toEqual([]);
  await room.membership.leave(bob.participant.id);
  expect(bob.participant.closed).toBe(true);
  expect(ada.types()).toEqual(['joined', 'left']);
  await room.membership.leave(ada.participant.id);
  expect(room.types).toEqual(['joined', 'joined', 'left', 'left', 'empty']);
  expect(room.membership.inUse).toBe(false);
});

test('a full room refuses, and lets in again after somebody left', async () => {
  const room = new TestMembership();
  room.settings.maxParticipants = 1;
  const ada = room.join('Ada');
  expect(() => room.enter('Bob')).toThrow(code('room_full'));
  await room.membership.leave(ada.participant.id);
  room.join('Bob');
});

test('the same person from elsewhere replaces the earlier participation, also in a full room', () => {
  const room = new TestMembership();
  room.settings.maxParticipants = 1;
  const first = room.join('Ada', grantOf('participant', 'ada'));
  const second = room.join('Ada', grantOf('participant', 'ada'));
  expect(first.received.at(-1)).toEqual({ type: 'closed', reason: code('replaced') });
  expect(first.participant.closed).toBe(true);
  expect(room.membership.all).toEqual([second.participant]);
  // Only the first was weighed: who comes back costs no more than before.
  expect(room.admit).toHaveBeenCalledTimes(1);
});

test('nobody comes in when there is no CPU for one more', () => {
  const room = new TestMembership();
  room.admit.mockImplementation(() => {
    throw new TesseraError('server_busy', 'busy');
  });
  expect(() => room.enter('Ada')).toThrow(code('server_busy'));
  expect(room.membership.size).toBe(0);
  expect(room.types).toEqual([]);
});

test('a locked room lets in hosts and those who were in before', async () => {
  const room = new TestMembership();
  const ada = room.join('Ada');
  await room.membership.leave(ada.participant.id);
  room.settings.locked = true;
  expect(() => room.enter('Bob')).toThrow(code('room_locked'));
  expect(() => room.enter('Bob', undefined, 'a wrong token')).toThrow(code('room_locked'));
  room.join('Host', grantOf('host'));
  room.join('Ada', undefined, ada.participant.resumeToken);
});

test('who may come back still may after a restart of the server', () => {
  const before = new TestMembership();
  const { participant } = before.join('Ada');
  const after = new TestMembership(before.membership.returningDigests);
  after.settings.locked = true;
  after.join('Ada', undefined, participant.resumeToken);
});

test('a host admits and denies those who wait', () => {
  const room = new TestMembership();
  room.settings.lobby = true;
  const host = room.join('Host', grantOf('host'));
  const ada = room.wait('Ada');
  const bob = room.wait('Bob');
  expect(host.received.at(-2)).toEqual({ type: 'lobby', waiting: [ada.waiting, bob.waiting] });
  expect(room.types).toEqual(['joined', 'waiting', 'waiting']);

  room.membership.admit(ada.waiting.id);
  const id = room.membership.all[1]?.id;
  expect(ada.received.at(-1)).toEqual({ type: 'admitted', participant: id });
  room.membership.deny(bob.waiting.id);
  expect(bob.received).toEqual([{ type: 'closed', reason: code('not_admitted') }]);
  expect(room.membership.waiting).toEqual([]);
  expect(() => room.membership.admit(bob.waiting.id)).toThrow(code('participant_not_found'));
});

test('who waits learns nothing of the room', () => {
  const room = new TestMembership();
  room.settings.lobby = true;
  const ada = room.wait('Ada');
  room.join('Host', grantOf('host'));
  expect(ada.received).toEqual([]);
});

test('who waits twice is waiting once; who gives up waits no more', () => {
  const room = new TestMembership();
  room.settings.lobby = true;
  const first = room.wait('Ada', grantOf('participant', 'ada'));
  const second = room.wait('Ada', grantOf('participant', 'ada'));
  expect(first.received).toEqual([{ type: 'closed', reason: code('replaced') }]);
  expect(room.membership.waiting).toEqual([second.waiting]);
  room.membership.stopWaiting(second.waiting.id);
  expect(room.membership.inUse).toBe(false);
  expect(room.types.at(-1)).toBe('empty');
});

test('when the lobby closes, as many come in as there is space for', () => {
  const room = new TestMembership();
  room.settings.lobby = true;
  room.settings.maxParticipants = 2;
  const all = ['Ada', 'Bob'].map((name) => room.wait(name));
  room.join('Host', grantOf('host'));
  room.membership.admitAll();
  expect(all.map(({ types }) => types().includes('admitted'))).toEqual([true, false]);
  expect(room.membership.waiting).toHaveLength(1);
});

test('a hidden participant is announced as hidden', () => {
  const room = new TestMembership();
  room.join('Spy', { ...grantOf('participant'), hidden: true });
  expect(room.followed[0]).toMatchObject({ type: 'joined', hidden: true });
});

test('closing ends everybody, also those who wait, and lets nobody in', async () => {
  const room = new TestMembership();
  const ada = room.join('Ada');
  room.settings.lobby = true;
  const bob = room.wait('Bob');
  await room.membership.close(new TesseraError('room_ended', 'over'));
  expect(ada.received).toContainEqual({ type: 'closed', reason: code('room_ended') });
  expect(bob.received).toEqual([{ type: 'closed', reason: code('room_ended') }]);
  expect(ada.participant.closed).toBe(true);
  expect(() => room.enter('Eve')).toThrow(code('shutting_down'));
});

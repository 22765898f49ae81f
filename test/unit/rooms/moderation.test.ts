/** What hosts do with participants. */
import { expect, test, vi } from 'vitest';
import { Moderation } from '../../../src/rooms/moderation.js';
import { grantOf, type TestMember, TestMembership } from '../../support/members.js';

function start() {
  const room = new TestMembership();
  const changed = vi.fn<(participant: TestMember) => void>();
  const revoke = vi.fn();
  const moderation = new Moderation(room.membership, room.updates, changed, revoke);
  const host = room.join('Host', grantOf('host'));
  const ada = room.join('Ada');
  return { room, moderation, changed, revoke, host, ada };
}

const code = (code: string) => expect.objectContaining({ code });

test('mutes only what is on, and says so', () => {
  const { moderation, ada } = start();
  moderation.mute(ada.participant.id, { mic: true, screen: true });
  expect(ada.participant).toMatchObject({ micOn: false, cameraOn: true });
  expect(ada.received).toEqual([{ type: 'muted', off: { mic: true } }]);
  moderation.mute(ada.participant.id, { mic: true });
  expect(ada.received).toHaveLength(1);
});

test('mutes everybody but hosts', () => {
  const { moderation, ada, host } = start();
  moderation.muteAll({ mic: true, camera: true });
  expect(ada.participant).toMatchObject({ micOn: false, cameraOn: false });
  expect(host.participant).toMatchObject({ micOn: true, cameraOn: true });
});

test('asks to unmute, and leaves the choice to the participant', () => {
  const { moderation, ada } = start();
  ada.participant.micOn = false;
  moderation.askToUnmute(ada.participant.id, { mic: true });
  expect(ada.received).toEqual([{ type: 'unmuteAsked', on: { mic: true } }]);
  expect(ada.participant.micOn).toBe(false);
});

test('changes name, role and gain; a new host learns who waits', () => {
  const { room, moderation, changed, ada } = start();
  room.settings.lobby = true;
  const { waiting } = room.wait('Bob');
  const { id } = ada.participant;
  moderation.change(id, { name: 'Ada L.', gainDb: 3 });
  expect(ada.participant).toMatchObject({ name: 'Ada L.', gainDb: 3, role: 'participant' });
  moderation.change(id, { role: 'host' });
  expect(ada.participant).toMatchObject({ name: 'Ada L.', role: 'host', version: 3 });
  expect(changed).toHaveBeenCalledTimes(2);
  expect(ada.received.at(-1)).toEqual({ type: 'lobby', waiting: [waiting] });
});

test('who is removed does not come back', () => {
  const { room, moderation, revoke, ada } = start();
  moderation.remove(ada.participant.id);
  expect(ada.received.at(-1)).toEqual({ type: 'closed', reason: code('removed') });
  expect(ada.participant.closed).toBe(true);
  expect(revoke).toHaveBeenCalledWith(ada.participant.grant);
  room.settings.locked = true;
  expect(() => room.enter('Ada', undefined, ada.participant.resumeToken)).toThrow(
    code('room_locked'),
  );
});

test('refuses ids of nobody', () => {
  const { moderation } = start();
  expect(() => moderation.mute('nobody', { mic: true })).toThrow(code('participant_not_found'));
  expect(() => moderation.askToUnmute('nobody', {})).toThrow(code('participant_not_found'));
  expect(() => moderation.remove('nobody')).toThrow(code('participant_not_found'));
});

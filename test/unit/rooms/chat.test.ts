/** What participants and applications write to a room. */
import { expect, test } from 'vitest';
import { RoomChat } from '../../../src/rooms/chat.js';
import { grantOf, TestMembership } from '../../support/members.js';

function start() {
  const room = new TestMembership();
  const clock = { now: 1_000_000 };
  const chat = new RoomChat(room.updates, room.membership, () => clock.now);
  const [ada, bob, eve] = ['Ada', 'Bob', 'Eve'].map((name) => room.join(name));
  if (!ada || !bob || !eve) throw new Error('nobody joined');
  return { room, chat, clock, ada, bob, eve };
}

const code = (code: string) => expect.objectContaining({ code });

test('a text goes to everybody, its writer too, without control characters', () => {
  const { chat, ada, bob } = start();
  chat.write(ada.participant.id, ' a\u0007b\n\tc ');
  const [message] = chat.history;
  expect(message).toMatchObject({ from: ada.participant.id, name: 'Ada', text: 'ab\n\tc' });
  for (const { received } of [ada, bob]) {
    expect(received.at(-1)).toEqual({ type: 'chat', message });
  }
});

test('empty and large texts are refused', () => {
  const { chat, ada } = start();
  expect(() => chat.write(ada.participant.id, ' \u0000 ')).toThrow(code('bad_message'));
  expect(() => chat.write(ada.participant.id, 'ä'.repeat(2049))).toThrow(code('message_too_large'));
  expect(chat.history).toEqual([]);
});

test('the history keeps the last 200 messages', () => {
  const { chat, clock, ada } = start();
  for (let i = 0; i < 205; i++) {
    clock.now += 1_000_000;
    chat.write(ada.participant.id, `${i}`);
  }
  expect(chat.history.map(({ text }) => text)).toEqual(
    Array.from({ length: 200 }, (_, i) => `${i + 5}`),
  );
});

test('who writes too much has to wait; others do not', () => {
  const { chat, clock, ada, bob } = start();
  for (let i = 0; i < 10; i++) chat.write(ada.participant.id, `${i}`);
  expect(() => chat.write(ada.participant.id, 'more')).toThrow(code('too_many_messages'));
  chat.write(bob.participant.id, 'still here');
  clock.now += 1_000_000;
  chat.write(ada.participant.id, 'again');
});

test('a message of an application goes to everybody else, or to those it names', () => {
  const { chat, ada, bob, eve } = start();
  const id = ada.participant.id;
  chat.send(id, 'poll', { yes: 1 }, undefined);
  chat.send(id, 'poll', 'for Eve', [eve.participant.id, id]);
  const dataOf = ({ received }: typeof ada) =>
    received.flatMap((update) => (update.type === 'appMessage' ? [update.message.data] : []));
  expect([ada, bob, eve].map(dataOf)).toEqual([[], [{ yes: 1 }], [{ yes: 1 }, 'for Eve']]);
});

test('a token without the right to write is refused', () => {
  const { room, chat } = start();
  const { participant } = room.join('Mute', { ...grantOf('participant'), canPublishData: false });
  expect(() => chat.write(participant.id, 'hello')).toThrow(code('forbidden'));
  expect(() => chat.send(participant.id, 'poll', 1, undefined)).toThrow(code('forbidden'));
});

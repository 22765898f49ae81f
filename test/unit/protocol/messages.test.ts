import type { TObject } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { expect, test } from 'vitest';
import { ClientMessage } from '../../../src/protocol/client-messages.js';
import { DataMessage, SERVER_DATA_MESSAGES } from '../../../src/protocol/data-messages.js';
import { CustomLayout } from '../../../src/protocol/layout.js';
import { ServerMessage } from '../../../src/protocol/server-messages.js';

const client = ClientMessage.anyOf as TObject[];
const server = ServerMessage.anyOf as TObject[];

function nameOf({ properties: { type, action } }: TObject): string {
  return [type?.const, action?.const].filter(Boolean).join(' ');
}

test.each([...client, ...server].map((schema) => [nameOf(schema), schema] as const))(
  '%s: its example is accepted, without a required field it is not',
  (_name, schema) => {
    const example = Value.Create(schema) as Record<string, unknown>;
    const union = client.includes(schema) ? ClientMessage : ServerMessage;
    expect(schema.description).toMatch(/\.$/);
    expect(Value.Check(union, example)).toBe(true);
    for (const field of schema.required ?? []) {
      const { [field]: _left, ...rest } = example;
      expect(Value.Check(union, rest)).toBe(false);
    }
  },
);

test('every type of message occurs once in its direction', () => {
  for (const names of [client.map(nameOf), server.map(nameOf)]) {
    expect(new Set(names).size).toBe(names.length);
  }
});

test.each(client.map((schema) => [nameOf(schema), schema] as const))(
  '%s: the server refuses a field that it does not know',
  (_name, schema) => {
    const example = Value.Create(schema) as Record<string, unknown>;
    expect(Value.Check(ClientMessage, { ...example, extra: 1 })).toBe(false);
  },
);

test.each([
  ['a room name over 64 characters', { type: 'join', room: 'x'.repeat(65) }],
  ['an empty room name', { type: 'join', room: '' }],
  ['an empty offer', { type: 'offer', sdp: '' }],
  ['a candidate over 1024 characters', { type: 'candidate', candidate: 'x'.repeat(1025) }],
  ['a width of zero', { type: 'receive', maxWidth: 0 }],
  ['a fraction of a kbit/s', { type: 'receive', maxBitrate: 0.5 }],
  ['text that is not text', { type: 'chat', text: 1 }],
  ['a message without data', { type: 'message', topic: 't' }],
  ['a message for 101 people', { type: 'message', topic: 't', data: 1, to: Array(101).fill('p') }],
  ['an unknown action', { type: 'moderate', action: 'dance' }],
  ['an unknown role', { type: 'moderate', action: 'role', participant: 'p', role: 'owner' }],
  ['too much gain', { type: 'moderate', action: 'gain', participant: 'p', gainDb: 21 }],
  ['an unknown layout', { type: 'moderate', action: 'layout', mode: 'spiral' }],
  ['an unknown type', { type: 'nope' }],
  ['a server message', { type: 'answer', sdp: 'v=0' }],
  ['a list', []],
])('refuses %s', (_what, message) => {
  expect(Value.Check(ClientMessage, message)).toBe(false);
});

test('a custom layout needs regions inside of the picture, and colours of six digits', () => {
  const region = { x: 0, y: 0, width: 1, height: 1, role: 'participant' };
  const layout = (change: object) => ({ regions: [{ ...region, ...change }] });
  expect(Value.Check(CustomLayout, layout({}))).toBe(true);
  expect(Value.Check(CustomLayout, layout({ background: '#00ff00', z: -3, fit: 'crop' }))).toBe(
    true,
  );
  expect(Value.Check(CustomLayout, { regions: [] })).toBe(false);
  expect(Value.Check(CustomLayout, layout({ x: 1.1 }))).toBe(false);
  expect(Value.Check(CustomLayout, layout({ width: 0 }))).toBe(false);
  expect(Value.Check(CustomLayout, layout({ background: 'red' }))).toBe(false);
  expect(Value.Check(CustomLayout, layout({ role: 'guest' }))).toBe(false);
});

test('over the data channel go messages of both directions only', () => {
  expect(Value.Check(DataMessage, { type: 'chat', text: 'Hello' })).toBe(true);
  expect(Value.Check(DataMessage, { type: 'leave' })).toBe(false);
  expect(server.map(nameOf)).toEqual(expect.arrayContaining([...SERVER_DATA_MESSAGES]));
});

/**
 * Messages that go over the data channel while there is one, and over the socket otherwise.
 * The channel is stream 0 with any label, negotiated or opened by the client.
 */

import { type Static, Type } from '@sinclair/typebox';
import { MAX_MESSAGE_BYTES } from './limits.js';
import { STRICT } from './literals.js';
import { ParticipantId } from './participants.js';

export const Chat = Type.Object(
  {
    type: Type.Literal('chat'),
    text: Type.String({
      maxLength: MAX_MESSAGE_BYTES,
      description: 'at most 4096 bytes of UTF-8; control characters are removed',
    }),
  },
  { ...STRICT, description: 'Writes to everybody in the room, the sender included.' },
);

export const AppMessage = Type.Object(
  {
    type: Type.Literal('message'),
    topic: Type.String({ minLength: 1, maxLength: 64 }),
    data: Type.Unknown({ description: 'any JSON value of at most 4096 bytes' }),
    to: Type.Optional(
      Type.Array(ParticipantId, {
        maxItems: 100,
        description: 'participants who get it; by default everybody else',
      }),
    ),
  },
  { ...STRICT, description: "Sends an application's own message to other participants." },
);

/** What clients may send over the data channel. */
export const DataMessage = Type.Union([Chat, AppMessage]);
export type DataMessage = Static<typeof DataMessage>;

/** Types of server messages that go over the data channel while there is one. */
export const SERVER_DATA_MESSAGES = ['layout', 'chat', 'message'] as const;

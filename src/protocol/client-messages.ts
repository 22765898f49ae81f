/**
 * Messages from the client to the server: JSON text frames of the WebSocket, one message each.
 * The server checks each against its schema and refuses properties that it does not know.
 */

import { type Static, type TProperties, Type } from '@sinclair/typebox';
import { DataMessage } from './data-messages.js';
import type { MessageOf } from './handlers.js';
import { MAX_MESSAGE_BYTES } from './limits.js';
import { STRICT } from './literals.js';
import { MEDIA_KINDS, Moderate } from './moderation.js';
import { ParticipantId } from './participants.js';

const message = <Name extends string, Fields extends TProperties>(
  name: Name,
  description: string,
  fields: Fields,
) => Type.Object({ type: Type.Literal(name), ...fields }, { ...STRICT, description });

export const ClientMessage = Type.Union([
  message('join', 'Enters a room. Answered by `welcome`, `waiting` or `error`.', {
    room: Type.String({ minLength: 1, maxLength: 64, description: 'letters, digits, `-` and `_`' }),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: 'display name; a name in the token replaces it',
      }),
    ),
    viewer: Type.Optional(
      Type.Boolean({ description: 'receive only: no tile, and no media is accepted' }),
    ),
    previous: Type.Optional(
      Type.String({
        maxLength: 64,
        description:
          '`token` of the `welcome` of a lost session; enters locked rooms and skips the lobby',
      }),
    ),
  }),
  message(
    'resume',
    'Takes up a session whose socket was lost less than 15 seconds ago. Media goes on. ' +
      'Answered by `welcome` or `error`.',
    {
      participant: ParticipantId,
      token: Type.String({ maxLength: 64, description: '`token` of the `welcome`' }),
    },
  ),
  message('offer', 'An SDP offer. Answered by `answer`.', {
    sdp: Type.String({
      minLength: 1,
      maxLength: MAX_MESSAGE_BYTES,
      description:
        'm-lines to send microphone, camera and screen; one audio and one video to receive',
    }),
  }),
  message('candidate', 'An ICE candidate of the client (RFC 8839, 5.1).', {
    candidate: Type.String({ maxLength: 1024, description: 'empty at the end of candidates' }),
  }),
  message(
    'iceServers',
    'Asks for new credentials of the TURN servers, before a restart of ICE. Answered by `iceServers`.',
    {},
  ),
  message(
    'missing',
    'Says whether the client, 5 s after it is connected, has decoded nothing of what it is sent.',
    { mix: Type.Boolean({ description: 'false when it is there after all' }) },
  ),
  message('mute', 'Says what the participant has on. What is left out does not change.', {
    ...MEDIA_KINDS,
  }),
  message(
    'receive',
    'Limits what the client receives. Each message replaces the one before; what is left out has no limit. ' +
      'The server may send less when the network is slow.',
    {
      maxWidth: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 16_384,
          description: 'pixels in which the composite is shown',
        }),
      ),
      maxHeight: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 16_384,
          description: 'pixels in which the composite is shown',
        }),
      ),
      maxBitrate: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'of everything, in kbit/s' }),
      ),
      rendition: Type.Optional(
        Type.String({
          maxLength: 32,
          description: "`auto`, or the best that may be sent: one of the welcome's `renditions`",
        }),
      ),
    },
  ),
  message(
    'recordings',
    "Asks for a token to use the room's recordings over HTTP. Answered by `recordings`.",
    {},
  ),
  message('leave', 'Leaves the room. The server closes the socket.', {}),
  ...DataMessage.anyOf,
  ...Moderate.anyOf,
]);
export type ClientMessage = Static<typeof ClientMessage>;

export type JoinMessage = MessageOf<ClientMessage, 'join'>;

/**
 * Messages from the server to the client: JSON text frames of the WebSocket, or of the data channel
 * for those of SERVER_DATA_MESSAGES. Clients ignore properties and messages that they do not know.
 */

import { type Static, type TProperties, Type } from '@sinclair/typebox';
import { ChatState } from './chat.js';
import type { ErrorCode } from './error-codes.js';
import { IceServer } from './ice-server.js';
import { LayoutDescription } from './layout.js';
import { literals } from './literals.js';
import { DEVICE_KINDS, MEDIA_KINDS } from './moderation.js';
import { ParticipantState, WaitingState } from './participants.js';
import { RoomStatus } from './room-status.js';

const message = <Name extends string, Fields extends TProperties>(
  name: Name,
  description: string,
  fields: Fields,
) => Type.Object({ type: Type.Literal(name), ...fields }, { description });

const participantId = Type.String({ description: 'id of the participant' });
const time = Type.Number({ description: 'milliseconds since 1970' });

export const ServerMessage = Type.Union([
  message('welcome', 'The client is in the room. The answer to `join` and `resume`.', {
    participant: Type.String({ description: "the client's own id" }),
    token: Type.String({ description: 'for `resume`' }),
    resumed: Type.Boolean({ description: 'true after `resume`: the media connection goes on' }),
    room: Type.Object({
      id: Type.String(),
      ...RoomStatus.properties,
      layout: LayoutDescription,
      participants: Type.Array(ParticipantState),
    }),
    iceServers: Type.Array(IceServer),
    renditions: Type.Array(Type.String(), {
      description: 'what `receive` can choose, best first; the last is audio only',
    }),
  }),
  message('rendition', 'What the client receives from now on.', {
    rendition: Type.String({ description: "one of the welcome's `renditions`" }),
  }),
  message(
    'cameraShown',
    "The size in pixels at which the client's own camera is shown. Larger simulcast layers are not decoded.",
    {
      width: Type.Integer({ description: '0 while the camera has no tile' }),
      height: Type.Integer({ description: '0 while the camera has no tile' }),
    },
  ),
  message('recordings', "What the client may do with the room's recordings over HTTP.", {
    token: Type.Optional(
      Type.String({ description: 'valid for ten minutes; missing if the server needs none' }),
    ),
    reads: Type.Boolean({ description: 'may list and play them' }),
    writes: Type.Boolean({ description: 'may start, stop and delete them' }),
  }),
  message('token', 'A new access token. The client uses it to connect again.', {
    token: Type.String(),
  }),
  message(
    'waiting',
    'The client is in the lobby. `welcome` or `error` follows when a host decides.',
    { room: Type.String() },
  ),
  message('answer', 'The SDP answer to `offer`.', { sdp: Type.String() }),
  message('candidate', 'An ICE candidate of the server.', { candidate: Type.String() }),
  message('iceServers', 'STUN and TURN servers with fresh credentials.', {
    iceServers: Type.Array(IceServer),
  }),
  message('joined', 'A participant entered the room.', { participant: ParticipantState }),
  message('left', 'A participant left the room.', { participant: participantId }),
  message('changed', 'The state of a participant changed.', { participant: ParticipantState }),
  message('speaking', 'Who speaks at the moment.', { participants: Type.Array(participantId) }),
  message('dominant', 'The dominant speaker changed.', {
    participant: Type.Optional(
      Type.String({ description: 'id of the participant; missing after they left' }),
    ),
  }),
  message('layout', 'The composite changes its layout.', {
    layout: LayoutDescription,
    timestamp: Type.Optional(
      Type.Number({
        description:
          'RTP timestamp of the first frame that has this layout, if it is known; ' +
          'tiles that were elsewhere arrive 200 ms later',
      }),
    ),
  }),
  message('room', 'The status of the room changed.', { room: RoomStatus }),
  message('chat', 'Somebody wrote.', { message: ChatState }),
  message(
    'history',
    'The latest chat messages, oldest first. Sent after `welcome` if there are any.',
    {
      messages: Type.Array(ChatState),
    },
  ),
  message('message', "An application's own message from another participant.", {
    from: participantId,
    topic: Type.String(),
    data: Type.Unknown({ description: 'any JSON value' }),
    time,
  }),
  message('lobby', 'To hosts: everybody who waits in the lobby.', {
    waiting: Type.Array(WaitingState),
  }),
  message('muted', "A host switched the client's media off.", { ...MEDIA_KINDS }),
  message('unmuteAsked', 'A host asks the client to switch media on.', { ...DEVICE_KINDS }),
  message('connection', 'The state of the media connection as the server sees it.', {
    state: literals(['new', 'connecting', 'connected', 'interrupted', 'failed']),
  }),
  message('notice', 'News for everybody in the room.', {
    code: Type.Literal('draining', {
      description: 'the server stops within `seconds`; the client joins again by itself',
    }),
    message: Type.String({ description: 'for people' }),
    seconds: Type.Number(),
  }),
  message('error', 'Something failed or was refused.', {
    code: Type.Unsafe<ErrorCode>(Type.String({ description: 'stable; see the error codes' })),
    message: Type.String({ description: 'for people' }),
    next: Type.Optional(Type.String({ description: 'what to do about it' })),
    retryAfterSeconds: Type.Optional(
      Type.Integer({ description: 'when it may help to try again' }),
    ),
  }),
]);
export type ServerMessage = Static<typeof ServerMessage>;

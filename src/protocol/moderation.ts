/** What hosts can ask for: one message, `moderate`, with one shape for each action. */

import { type Static, type TProperties, Type } from '@sinclair/typebox';
import { CustomLayout, LayoutMode } from './layout.js';
import { STRICT } from './literals.js';
import { ParticipantId, Role } from './participants.js';

/** Kinds of media that a participant sends, besides a screen. */
export const DEVICE_KINDS = {
  mic: Type.Optional(Type.Boolean()),
  camera: Type.Optional(Type.Boolean()),
};
/** Kinds of media that a participant sends. */
export const MEDIA_KINDS = { ...DEVICE_KINDS, screen: Type.Optional(Type.Boolean()) };

const target = { participant: ParticipantId };

const action = <Name extends string, Fields extends TProperties>(
  name: Name,
  description: string,
  fields: Fields,
) =>
  Type.Object(
    { type: Type.Literal('moderate'), action: Type.Literal(name), ...fields },
    { ...STRICT, description },
  );

export const Moderate = Type.Union([
  action('lock', 'Locks or unlocks the room.', { locked: Type.Boolean() }),
  action('lobby', 'Switches the lobby on or off.', { enabled: Type.Boolean() }),
  action('admit', 'Lets somebody in from the lobby.', target),
  action('deny', 'Refuses somebody in the lobby.', target),
  action('remove', 'Removes a participant from the room.', target),
  action('mute', 'Switches media off. Without `participant`: of everybody but hosts.', {
    participant: Type.Optional(ParticipantId),
    ...MEDIA_KINDS,
  }),
  action('askToUnmute', 'Asks a participant to switch media on.', { ...target, ...DEVICE_KINDS }),
  action('rename', 'Changes the display name of a participant.', {
    ...target,
    name: Type.String({ minLength: 1, maxLength: 256 }),
  }),
  action('role', 'Changes the role of a participant.', { ...target, role: Role }),
  action('gain', "Changes how loud a participant is in everybody's mix.", {
    ...target,
    gainDb: Type.Number({ minimum: -60, maximum: 20, description: 'in dB' }),
  }),
  action('liftQuarantine', 'Tries the video of a quarantined participant again.', target),
  action('layout', 'Chooses the layout.', {
    mode: LayoutMode,
    custom: Type.Optional(CustomLayout),
  }),
  action('pin', 'Shows participants or their screens large. An empty list unpins all.', {
    participants: Type.Array(Type.String({ maxLength: 64 }), {
      maxItems: 49,
      description: 'participants (`<id>`) and their screens (`<id>:screen`)',
    }),
  }),
  action('end', 'Ends the room for everybody.', {}),
]);
export type Moderate = Static<typeof Moderate>;

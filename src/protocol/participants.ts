import { type Static, Type } from '@sinclair/typebox';
import { literals } from './literals.js';

export const ROLES = ['host', 'participant', 'viewer'] as const;

export const Role = literals(ROLES, {
  description:
    '`host` moderates, `participant` is seen and heard, `viewer` only watches and listens',
});
export type Role = Static<typeof Role>;

/** The id of a participant in a message of a client. */
export const ParticipantId = Type.String({
  maxLength: 64,
  description: 'id of the participant',
});

export const MEDIA_TROUBLES = [
  'media_error',
  'quarantined',
  'over_budget',
  'no_keyframes',
  'unsupported',
] as const;

export const MediaTrouble = literals(MEDIA_TROUBLES, {
  description:
    'what is wrong with what they send: `media_error`, it breaks a stage of the mixer and is tried again; `quarantined`, it crashed a decoder and is not decoded for a time; `over_budget`, it has more pixels a second than the room can decode and is shown at fewer frames; `no_keyframes`, it arrives with losses and their client sends no keyframe; `unsupported`, their client offers no codec that is taken',
});
export type MediaTrouble = Static<typeof MediaTrouble>;

/** What a participant lacks. `audio` and `video` are what they send, `mix` is what they are sent. */
export const MISSING_MEDIA = ['audio', 'video', 'mix'] as const;
export type MissingMedia = (typeof MISSING_MEDIA)[number];

export const ParticipantState = Type.Object(
  {
    id: Type.String({ description: 'new for each participation' }),
    identity: Type.String({ description: '`sub` of the token; without a token the id' }),
    name: Type.String({ description: 'display name' }),
    role: Role,
    viewer: Type.Boolean({ description: 'sends no media and has no tile' }),
    mic: Type.Boolean({ description: 'the microphone is on' }),
    camera: Type.Boolean({ description: 'the camera is on' }),
    screen: Type.Boolean({ description: 'a screen is shared' }),
    connected: Type.Boolean({ description: 'the media connection is up' }),
    trouble: Type.Optional(MediaTrouble),
    captured: Type.Optional(
      Type.Boolean({ description: 'what they send is being captured for diagnosis' }),
    ),
    missing: Type.Optional(
      Type.Array(literals(MISSING_MEDIA), {
        description:
          'what should flow and has not within 5 s: `audio` and `video` from them, or the `mix` to them',
      }),
    ),
  },
  { description: 'A participant as everybody in the room sees them.' },
);
export type ParticipantState = Static<typeof ParticipantState>;

export const WaitingState = Type.Object(
  { id: Type.String(), name: Type.String({ description: 'display name' }) },
  { description: 'Somebody who waits in the lobby.' },
);
export type WaitingState = Static<typeof WaitingState>;

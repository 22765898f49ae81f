import { type Static, Type } from '@sinclair/typebox';
import { literals } from './literals.js';

export const RoomStatus = Type.Object(
  {
    locked: Type.Boolean({ description: 'only hosts, and people who were in before, can enter' }),
    lobby: Type.Boolean({ description: 'people who are not hosts wait until a host admits them' }),
    recording: literals(['off', 'on', 'paused']),
    live: Type.Boolean({ description: 'the composite is sent to a live output' }),
  },
  { description: 'What everybody in a room may know of the room itself.' },
);
export type RoomStatus = Static<typeof RoomStatus>;

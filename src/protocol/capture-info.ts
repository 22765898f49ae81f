import { type Static, Type } from '@sinclair/typebox';
import { literals } from './literals.js';

export const CAPTURE_ENDS = ['stopped', 'time', 'size', 'left', 'failed', 'lost'] as const;
export type CaptureEnd = (typeof CAPTURE_ENDS)[number];

/** What the API says of a capture: what one participant sent, kept to be replayed. */
export const CaptureInfo = Type.Object(
  {
    id: Type.String(),
    room: Type.String(),
    participant: Type.String({ description: 'id' }),
    name: Type.String({ description: 'of the participant, at the start' }),
    status: literals(['active', 'ended'], {}),
    reason: Type.Optional(
      literals(CAPTURE_ENDS, {
        description:
          'why it ended: it was stopped, reached its limit of time or size, the participant left, it could not be written, or the server ended (`lost`)',
      }),
    ),
    startedAt: Type.Integer({ description: 'ms since 1970' }),
    durationMs: Type.Integer(),
    packets: Type.Integer({ description: 'RTP and RTCP packets written' }),
    bytes: Type.Integer({ description: 'size of the dump' }),
    dropped: Type.Integer({ description: 'packets not written because the disk was too slow' }),
  },
  { $id: 'Capture' },
);
export type CaptureInfo = Static<typeof CaptureInfo>;

export const CaptureCreation = Type.Object(
  {
    seconds: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 3600, description: 'longest; the setting counts too' }),
    ),
  },
  { additionalProperties: false },
);

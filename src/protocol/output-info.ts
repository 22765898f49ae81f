/** Live outputs: what is known of one. Sent over HTTP and in events. */

import { type Static, Type } from '@sinclair/typebox';
import type { Immutable } from './immutable.js';
import { literals } from './literals.js';

export const OUTPUT_STATUSES = ['connecting', 'live', 'reconnecting', 'ended'] as const;
export type OutputStatus = (typeof OUTPUT_STATUSES)[number];

export const OutputInfo = Type.Object({
  id: Type.String(),
  room: Type.String(),
  roomSid: Type.String(),
  kind: literals(['rtmp', 'rtmps', 'srt', 'hls']),
  destination: Type.String({
    description: 'without keys and passwords; of HLS the path of the playlist',
  }),
  status: literals(OUTPUT_STATUSES),
  error: Type.Optional(
    Type.Object(
      { code: Type.String({ description: 'a stable error code' }), message: Type.String() },
      { description: 'the latest failure; gone once it is live again' },
    ),
  ),
  reconnects: Type.Integer(),
  startedAt: Type.Integer({ description: 'milliseconds since 1970' }),
  endedAt: Type.Optional(Type.Integer({ description: 'milliseconds since 1970' })),
});
export type OutputInfo = Immutable<Static<typeof OutputInfo>>;

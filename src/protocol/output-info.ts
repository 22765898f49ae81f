/** Live outputs: what is known of one. Sent over HTTP and in events. */

import { type Static, Type } from '@sinclair/typebox';
import type { Immutable } from './immutable.js';
import { literals } from './literals.js';
import { OutputError } from './output-error.js';

/** Kinds of destinations; each is a file in `src/outputs/live/kinds/`. */
export const LIVE_KINDS = ['rtmp', 'rtmps', 'srt', 'hls'] as const;
export type LiveKind = (typeof LIVE_KINDS)[number];

export const OUTPUT_STATUSES = ['connecting', 'live', 'reconnecting', 'ended'] as const;
export type OutputStatus = (typeof OUTPUT_STATUSES)[number];

export const OutputInfo = Type.Object({
  id: Type.String(),
  room: Type.String(),
  roomSid: Type.String(),
  kind: literals(LIVE_KINDS),
  destination: Type.String({
    description: 'without keys and passwords; of HLS the path of the playlist',
  }),
  status: literals(OUTPUT_STATUSES),
  error: Type.Optional(OutputError),
  reconnects: Type.Integer(),
  startedAt: Type.Integer({ description: 'milliseconds since 1970' }),
  endedAt: Type.Optional(Type.Integer({ description: 'milliseconds since 1970' })),
});
export type OutputInfo = Immutable<Static<typeof OutputInfo>>;

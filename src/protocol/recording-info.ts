/** Recordings: the request for one, and what is known of one. Kept in its folder, sent over HTTP and in events. */

import { type Static, Type } from '@sinclair/typebox';
import { COMPOSITE_CODECS } from './codec-names.js';
import { AUDIO_CODECS, FILE_FORMATS } from './file-format.js';
import type { Immutable } from './immutable.js';
import { literals, STRICT } from './literals.js';
import { OutputError } from './output-error.js';
import { RECORDING_STATUSES } from './recording-status.js';

const Format = literals(FILE_FORMATS, { description: '`ogg` and `m4a` have audio only' });
const AudioCodec = literals(AUDIO_CODECS);

export const RecordingRequest = Type.Partial(
  Type.Object({
    format: Format,
    audioCodec: AudioCodec,
    rendition: Type.Object(
      {
        width: Type.Integer({ minimum: 160, maximum: 1920, multipleOf: 16 }),
        height: Type.Integer({ minimum: 90, maximum: 1920, multipleOf: 2 }),
        frameRate: Type.Integer({ minimum: 5, maximum: 60 }),
        bitrate: Type.Integer({ minimum: 100, maximum: 20_000, description: 'kbit/s' }),
      },
      {
        ...STRICT,
        description:
          'its own size and quality, which costs one more encoder; by default the best rendition of the room',
      },
    ),
    tracks: Type.Boolean({
      description: 'also keep the media of each participant, as they sent it',
    }),
  }),
  { ...STRICT, description: "What is left out is as the server's settings say." },
);
export type RecordingRequest = Immutable<Static<typeof RecordingRequest>>;

const RecordingFile = Type.Object({ name: Type.String(), bytes: Type.Integer() });
export type RecordingFile = Immutable<Static<typeof RecordingFile>>;

const ParticipantTrack = Type.Object(
  {
    file: Type.String(),
    participant: Type.String(),
    identity: Type.String(),
    name: Type.String(),
    source: literals(['microphone', 'camera', 'screen_share', 'screen_share_audio']),
    startMs: Type.Integer({ description: 'where in the recording it starts' }),
  },
  { description: 'Media of one participant, as they sent it.' },
);
export type ParticipantTrack = Immutable<Static<typeof ParticipantTrack>>;

export const RecordingInfo = Type.Object({
  id: Type.String({ description: 'also the name of its folder' }),
  room: Type.String(),
  roomSid: Type.String(),
  status: literals(RECORDING_STATUSES),
  error: Type.Optional(OutputError),
  format: Format,
  audioCodec: AudioCodec,
  video: Type.Optional(
    Type.Object({
      codec: literals(COMPOSITE_CODECS),
      width: Type.Integer(),
      height: Type.Integer(),
    }),
  ),
  startedAt: Type.Integer({ description: 'milliseconds since 1970' }),
  endedAt: Type.Optional(Type.Integer({ description: 'milliseconds since 1970' })),
  durationMs: Type.Integer({ description: 'without pauses' }),
  bytes: Type.Integer(),
  files: Type.Array(RecordingFile, {
    description: 'the composite first; empty until it is finished',
  }),
  tracks: Type.Array(ParticipantTrack),
  store: literals(['local', 's3'], { description: 'where the files are' }),
});
export type RecordingInfo = Immutable<Static<typeof RecordingInfo>>;

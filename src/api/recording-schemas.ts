/** Recordings as the API takes and gives them. */
import { Type } from '@sinclair/typebox';
import { AUDIO_CODECS, FILE_FORMATS } from '../protocol/file-format.js';
import { RECORDING_STATUSES } from '../protocol/recording-info.js';
import { COMPOSITE_CODECS } from '../util/units.js';

const strict = { additionalProperties: false } as const;

const Format = Type.Union(
  FILE_FORMATS.map((format) => Type.Literal(format)),
  { description: '`ogg` and `m4a` are sound alone' },
);
const AudioCodec = Type.Union(AUDIO_CODECS.map((codec) => Type.Literal(codec)));

/** What is recorded; what is left out is as the server's settings say. */
export const RecordingCreation = Type.Partial(
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
        ...strict,
        description: 'a size and quality of its own; costs an encode besides what receivers get',
      },
    ),
    tracks: Type.Boolean({ description: "each participant's own media too, as they sent it" }),
  }),
  strict,
);

export const RecordingDescription = Type.Object({
  id: Type.String(),
  room: Type.String(),
  roomSid: Type.String(),
  status: Type.Union(RECORDING_STATUSES.map((status) => Type.Literal(status))),
  error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
  format: Format,
  audioCodec: AudioCodec,
  video: Type.Optional(
    Type.Object({
      codec: Type.Union(COMPOSITE_CODECS.map((codec) => Type.Literal(codec))),
      width: Type.Integer(),
      height: Type.Integer(),
    }),
  ),
  startedAt: Type.Integer({ description: 'milliseconds since 1970' }),
  endedAt: Type.Optional(Type.Integer()),
  durationMs: Type.Integer({ description: 'without pauses' }),
  bytes: Type.Integer(),
  files: Type.Array(Type.Object({ name: Type.String(), bytes: Type.Integer() }), {
    description: 'the composite first; there are none before it is finished',
  }),
  tracks: Type.Array(
    Type.Object({
      file: Type.String(),
      participant: Type.String(),
      identity: Type.String(),
      name: Type.String(),
      source: Type.String(),
      startMs: Type.Integer({ description: 'where in the recording it begins' }),
    }),
  ),
  store: Type.Union([Type.Literal('local'), Type.Literal('s3')]),
});

export const OneRecording = Type.Object({ id: Type.String({ maxLength: 64 }) }, strict);
export const OneFile = Type.Object(
  { id: Type.String({ maxLength: 64 }), file: Type.String({ maxLength: 64 }) },
  strict,
);

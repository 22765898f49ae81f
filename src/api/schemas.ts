/** What the API takes and gives: validation, types and OpenAPI from one definition. */
import { Type } from '@sinclair/typebox';
import { IceServer } from '../protocol/ice-server.js';
import { CustomLayout, LayoutMode } from '../protocol/layout.js';
import { OverlaySettings } from '../protocol/overlay-settings.js';
import { ParticipantState, Role } from '../protocol/participants.js';
import { RecordingRequest } from '../protocol/recording-info.js';
import { PUBLISH_SOURCES } from '../rooms/grant.js';

const strict = { additionalProperties: false } as const;

/** Settings of a room; all may be left out. */
export const RoomChange = Type.Partial(
  Type.Object({
    locked: Type.Boolean({ description: 'only hosts, and people who were in before, can enter' }),
    lobby: Type.Boolean({ description: 'people who are not hosts wait until a host admits them' }),
    maxParticipants: Type.Integer({ minimum: 1, maximum: 1000 }),
    maxSeconds: Type.Integer({
      minimum: 0,
      maximum: 31_536_000,
      description: 'from the start of the room to its end; 0 for no limit',
    }),
    emptySeconds: Type.Integer({
      minimum: 0,
      maximum: 86_400,
      description: 'how long it is kept while nobody is in it',
    }),
    layout: LayoutMode,
    customLayout: CustomLayout,
    overlays: OverlaySettings,
    autoPresentation: Type.Boolean({
      description: 'while a screen is shared, the layout is `presentation`',
    }),
    record: RecordingRequest,
    metadata: Type.String({ maxLength: 16_384, description: 'yours; Tessera does not read it' }),
  }),
  strict,
);

const RoomName = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'letters, digits, "-" and "_"',
});

export const RoomCreation = Type.Object({ name: RoomName, ...RoomChange.properties }, strict);

export const RoomDescription = Type.Object({
  name: Type.String(),
  sid: Type.String({ description: 'id of this room: another room of the same name has another' }),
  numParticipants: Type.Integer(),
  numWaiting: Type.Integer(),
  creationTime: Type.Integer({ description: 'seconds since 1970' }),
  locked: Type.Boolean(),
  lobby: Type.Boolean(),
  maxParticipants: Type.Integer(),
  maxSeconds: Type.Integer(),
  emptySeconds: Type.Integer(),
  layout: LayoutMode,
  customLayout: Type.Optional(CustomLayout),
  overlays: OverlaySettings,
  autoPresentation: Type.Boolean(),
  record: Type.Optional(RecordingRequest),
  metadata: Type.String(),
});

export const ParticipantChange = Type.Partial(
  Type.Object({
    name: Type.String({ minLength: 1, maxLength: 256 }),
    role: Role,
    gainDb: Type.Number({ minimum: -60, maximum: 20, description: 'of their sound in the mix' }),
  }),
  { ...strict, minProperties: 1 },
);

export const ParticipantDescription = Type.Object({
  ...ParticipantState.properties,
  gainDb: Type.Number(),
  connectionState: Type.String(),
  joinedAt: Type.Integer({ description: 'seconds since 1970' }),
});

export const ParticipantDetails = Type.Object({
  ...ParticipantDescription.properties,
  counters: Type.Record(Type.String(), Type.Number()),
});

const ON = { mic: Type.Optional(Type.Literal(true)), camera: Type.Optional(Type.Literal(true)) };
const SCREEN = { screen: Type.Optional(Type.Literal(true)) };

/** What can be asked to be switched on. */
export const MediaOn = Type.Object(ON, { ...strict, minProperties: 1 });
/** What can be switched off. */
export const MediaOff = Type.Object({ ...ON, ...SCREEN }, { ...strict, minProperties: 1 });

export const WaitingDescription = Type.Object({
  id: Type.String(),
  name: Type.String(),
  identity: Type.String(),
  since: Type.Integer({ description: 'milliseconds since 1970' }),
});

export const LayoutChange = Type.Partial(
  Type.Object({
    mode: LayoutMode,
    custom: CustomLayout,
    pinned: Type.Array(Type.String({ maxLength: 64 }), {
      maxItems: 49,
      description:
        'participants (`<id>`) and screens (`<id>:screen`) shown large, the first where there is one place',
    }),
  }),
  { ...strict, minProperties: 1 },
);

export const JoinRequest = Type.Object(
  {
    identity: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
    role: Type.Optional(Role),
    canPublishSources: Type.Optional(
      Type.Array(Type.Union(PUBLISH_SOURCES.map((source) => Type.Literal(source))), {
        maxItems: 3,
      }),
    ),
    canSubscribe: Type.Optional(Type.Boolean()),
    canPublishData: Type.Optional(Type.Boolean()),
    hidden: Type.Optional(Type.Boolean()),
    seconds: Type.Optional(
      Type.Integer({
        minimum: 30,
        maximum: 31_536_000,
        description: 'wished life of the token; see auth.maxMintedSeconds',
      }),
    ),
  },
  strict,
);

export const JoinAnswer = Type.Object({
  token: Type.String(),
  url: Type.String({ description: 'of the signalling socket; the token is its `access_token`' }),
  expiresAt: Type.Integer({ description: 'seconds since 1970' }),
  iceServers: Type.Array(IceServer),
});

export const ServerDescription = Type.Object({
  version: Type.String(),
  status: Type.String({ description: 'as in /readyz' }),
  open: Type.Boolean({ description: 'the server has no keys: everybody may do everything' }),
  uptimeSeconds: Type.Integer(),
  encoders: Type.Array(Type.String()),
  numRooms: Type.Integer(),
  numParticipants: Type.Integer(),
});

export const InRoom = Type.Object({ room: RoomName }, strict);
export const OneOfRoom = Type.Object(
  { room: RoomName, id: Type.String({ maxLength: 64 }) },
  strict,
);
export const IfMatch = Type.Object({
  'if-match': Type.Optional(Type.String({ maxLength: 128, description: 'the ETag that was read' })),
});

export const OneRecording = Type.Object({ id: Type.String({ maxLength: 64 }) }, strict);
export const OneFile = Type.Object(
  { id: Type.String({ maxLength: 64 }), file: Type.String({ maxLength: 64 }) },
  strict,
);

/**
 * Every message of the signalling WebSocket, both directions. JSON text frames, one message each.
 * The client imports the types; the server checks what comes in against the schemas.
 */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { LAYOUT_MODES, TILE_ROLES } from './layout-mode.js';

/** Longest WebSocket message, in bytes. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

const strict = { additionalProperties: false } as const;

export const RoleName = Type.Union([
  Type.Literal('host'),
  Type.Literal('participant'),
  Type.Literal('viewer'),
]);

export const Join = Type.Object(
  {
    type: Type.Literal('join'),
    /** Letters, digits, `-` and `_`. */
    room: Type.String({ minLength: 1, maxLength: 64 }),
    /** Display name; may be left out if the token has one, which then counts. */
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
    /** Receive only: no tile, nothing of theirs is decoded. */
    viewer: Type.Optional(Type.Boolean()),
    /** Token of the welcome of a participation that was lost: it opens locks and skips the lobby. */
    previous: Type.Optional(Type.String({ maxLength: 64 })),
  },
  strict,
);

/** Takes up a session whose socket was lost less than 15 s ago; media is not touched. */
export const Resume = Type.Object(
  {
    type: Type.Literal('resume'),
    participant: Type.String({ maxLength: 64 }),
    token: Type.String({ maxLength: 64 }),
  },
  strict,
);

/** An SDP offer: m-lines for mic, camera and screen up, one audio and one video down. */
export const Offer = Type.Object(
  { type: Type.Literal('offer'), sdp: Type.String({ minLength: 1, maxLength: MAX_MESSAGE_BYTES }) },
  strict,
);

/** An ICE candidate (RFC 8839, 5.1); empty at the end of candidates. */
export const Candidate = Type.Object(
  { type: Type.Literal('candidate'), candidate: Type.String({ maxLength: 1024 }) },
  strict,
);

/** What the participant has on, `screen` while they share it; what is left out stays as it is. */
export const Mute = Type.Object(
  {
    type: Type.Literal('mute'),
    mic: Type.Optional(Type.Boolean()),
    camera: Type.Optional(Type.Boolean()),
    screen: Type.Optional(Type.Boolean()),
  },
  strict,
);

/**
 * What the receiver has use for, whole: what is left out is without limit. Its path may make it less.
 */
export const Receive = Type.Object(
  {
    type: Type.Literal('receive'),
    /** Pixels that the picture is shown in. */
    maxWidth: Type.Optional(Type.Integer({ minimum: 1, maximum: 16_384 })),
    maxHeight: Type.Optional(Type.Integer({ minimum: 1, maximum: 16_384 })),
    /** Of all that is sent, in kbit/s. */
    maxBitrate: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    /** `auto`, or no better one than this of the welcome's `renditions`. */
    rendition: Type.Optional(Type.String({ maxLength: 32 })),
  },
  strict,
);

/** What may be done with the room's recordings, over HTTP; answered by `recordings`. */
export const AskRecordings = Type.Object({ type: Type.Literal('recordings') }, strict);

export const Leave = Type.Object({ type: Type.Literal('leave') }, strict);

/** To everybody in the room; 4096 bytes of UTF-8 at most. */
export const Chat = Type.Object(
  { type: Type.Literal('chat'), text: Type.String({ maxLength: MAX_MESSAGE_BYTES }) },
  strict,
);

/** An application's own, to everybody else or to some; 4096 bytes of JSON at most. */
export const AppMessage = Type.Object(
  {
    type: Type.Literal('message'),
    topic: Type.String({ minLength: 1, maxLength: 64 }),
    data: Type.Unknown(),
    to: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 100 })),
  },
  strict,
);

/**
 * What may come over the data channel (label any, stream 0 negotiated or opened by the client), and
 * over the socket too.
 */
export const DataMessage = Type.Union([Chat, AppMessage]);
export type DataMessage = Static<typeof DataMessage>;

const Who = { participant: Type.String({ maxLength: 64 }) };
const Media = { mic: Type.Optional(Type.Boolean()), camera: Type.Optional(Type.Boolean()) };
const MediaOff = { ...Media, screen: Type.Optional(Type.Boolean()) };
const action = <T extends string, P extends Record<string, TSchema>>(name: T, fields: P) =>
  Type.Object({ type: Type.Literal('moderate'), action: Type.Literal(name), ...fields }, strict);

export const LayoutName = Type.Union(LAYOUT_MODES.map((mode) => Type.Literal(mode)));

const Fraction = Type.Number({ minimum: 0, maximum: 1 });
const Fit = Type.Union([Type.Literal('crop'), Type.Literal('letterbox')]);
const Colour = Type.String({ pattern: '^#[0-9a-fA-F]{6}$', description: '#rrggbb' });
const Role = Type.Union(TILE_ROLES.map((role) => Type.Literal(role)));

/** Of an image that was uploaded for the room. */
export const ImageName = Type.String({
  pattern: '^[a-z0-9-]{1,32}$',
  description: 'lower case letters, digits, "-"',
});

/** A place of a custom layout, in fractions of the picture. */
export const CustomRegion = Type.Object(
  {
    x: Fraction,
    y: Fraction,
    width: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    height: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    role: Type.Union(Role.anyOf, {
      description: 'for a shared screen, for who leads the talk or is pinned, or for anybody',
    }),
    identity: Type.Optional(
      Type.String({ minLength: 1, maxLength: 256, description: 'kept for whoever has it' }),
    ),
    z: Type.Optional(
      Type.Integer({ minimum: -100, maximum: 100, description: 'higher lies over lower; 0' }),
    ),
    fit: Type.Optional(Fit),
    radius: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 0.5,
        description: 'of the corners, in fractions of the shorter side',
      }),
    ),
    border: Type.Optional(
      Type.Object(
        {
          width: Type.Number({
            minimum: 0,
            maximum: 0.1,
            description: "in fractions of the picture's height",
          }),
          colour: Colour,
        },
        strict,
      ),
    ),
    background: Type.Optional(Colour),
  },
  strict,
);

export const CustomLayout = Type.Object(
  {
    background: Type.Optional(Colour),
    image: Type.Optional(ImageName),
    regions: Type.Array(CustomRegion, { minItems: 1, maxItems: 49 }),
  },
  strict,
);

/** For hosts. */
export const Moderate = Type.Union([
  action('lock', { locked: Type.Boolean() }),
  action('lobby', { enabled: Type.Boolean() }),
  /** Of the lobby. */
  action('admit', Who),
  action('deny', Who),
  action('remove', Who),
  /** Switches off; without a participant everybody's but hosts'. */
  action('mute', { participant: Type.Optional(Type.String({ maxLength: 64 })), ...MediaOff }),
  /** Asks them to switch on. */
  action('askToUnmute', { ...Who, ...Media }),
  action('rename', { ...Who, name: Type.String({ minLength: 1, maxLength: 256 }) }),
  action('role', { ...Who, role: RoleName }),
  action('gain', { ...Who, gainDb: Type.Number({ minimum: -60, maximum: 20 }) }),
  action('layout', { mode: LayoutName, custom: Type.Optional(CustomLayout) }),
  /** Shows these large; none lets go. */
  action('pin', { participants: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 49 }) }),
  /** Ends the room for everybody. */
  action('end', {}),
]);
export type Moderate = Static<typeof Moderate>;

export const ClientMessage = Type.Union([
  Join,
  Resume,
  Offer,
  Candidate,
  Mute,
  Receive,
  AskRecordings,
  Leave,
  ...DataMessage.anyOf,
  ...Moderate.anyOf,
]);
export type ClientMessage = Static<typeof ClientMessage>;

export const ParticipantState = Type.Object({
  id: Type.String(),
  /** The `sub` of their token; their id without one. */
  identity: Type.String(),
  name: Type.String(),
  role: RoleName,
  /** Nothing of theirs is seen or heard. */
  viewer: Type.Boolean(),
  mic: Type.Boolean(),
  camera: Type.Boolean(),
  /** Their screen is shared. */
  screen: Type.Boolean(),
  connected: Type.Boolean(),
});
export type ParticipantState = Static<typeof ParticipantState>;

export const RoomState = Type.Object({
  locked: Type.Boolean(),
  lobby: Type.Boolean(),
  recording: Type.Union([Type.Literal('off'), Type.Literal('on'), Type.Literal('paused')]),
  /** It is sent to a live destination. */
  live: Type.Boolean(),
});
export type RoomState = Static<typeof RoomState>;

/** A tile in fractions of the picture. */
export const TileRegion = Type.Object({
  participant: Type.String(),
  source: Type.Union([Type.Literal('camera'), Type.Literal('screen_share')]),
  role: Role,
  z: Type.Integer(),
  /** How its picture fills it. */
  fit: Fit,
  x: Type.Number(),
  y: Type.Number(),
  width: Type.Number(),
  height: Type.Number(),
});

/** What the picture is made of; later regions lie over earlier ones. */
export const LayoutDescription = Type.Object({
  mode: LayoutName,
  /** Of the picture that the regions are fractions of, in pixels. */
  width: Type.Integer(),
  height: Type.Integer(),
  /** Shown large: participants (`<id>`) and screens (`<id>:screen`). */
  pinned: Type.Array(Type.String()),
  regions: Type.Array(TileRegion),
});
export type LayoutDescription = Static<typeof LayoutDescription>;

export const ChatState = Type.Object({
  id: Type.String(),
  /** Participant, and their name at that time. */
  from: Type.String(),
  name: Type.String(),
  text: Type.String(),
  /** In ms since 1970. */
  time: Type.Number(),
});
export type ChatState = Static<typeof ChatState>;

export const WaitingState = Type.Object({ id: Type.String(), name: Type.String() });
export type WaitingState = Static<typeof WaitingState>;

export const IceServer = Type.Object({
  urls: Type.Array(Type.String()),
  username: Type.Optional(Type.String()),
  credential: Type.Optional(Type.String()),
});
export type IceServer = Static<typeof IceServer>;

/** `layout`, `chat` and `message` come over the data channel while there is one, else over the socket. */
export const ServerMessage = Type.Union([
  Type.Object({
    type: Type.Literal('welcome'),
    /** The receiver's own id. */
    participant: Type.String(),
    /** For `resume`. */
    token: Type.String(),
    resumed: Type.Boolean(),
    room: Type.Object({
      id: Type.String(),
      ...RoomState.properties,
      layout: LayoutDescription,
      participants: Type.Array(ParticipantState),
    }),
    iceServers: Type.Array(IceServer),
    /** What `receive` may choose, best first; the last is sound alone. */
    renditions: Type.Array(Type.String()),
  }),
  /** What is received now, of the welcome's `renditions`. */
  Type.Object({ type: Type.Literal('rendition'), rendition: Type.String() }),
  /** Pixels that one's camera is shown in at most; 0 while it has no tile. Larger layers are not looked at. */
  Type.Object({
    type: Type.Literal('cameraShown'),
    width: Type.Integer(),
    height: Type.Integer(),
  }),
  /** The token to read the room's recordings with, for ten minutes; none where nobody needs one. */
  Type.Object({
    type: Type.Literal('recordings'),
    token: Type.Optional(Type.String()),
    /** They may be listed and played. */
    reads: Type.Boolean(),
    /** They may be begun, ended and deleted too. */
    writes: Type.Boolean(),
  }),
  /** The token to connect with from now on: the one before will end. */
  Type.Object({ type: Type.Literal('token'), token: Type.String() }),
  /** In the lobby: a welcome or an error follows when a host has decided. */
  Type.Object({ type: Type.Literal('waiting'), room: Type.String() }),
  Type.Object({ type: Type.Literal('answer'), sdp: Type.String() }),
  Type.Object({ type: Type.Literal('candidate'), candidate: Type.String() }),
  Type.Object({ type: Type.Literal('joined'), participant: ParticipantState }),
  Type.Object({ type: Type.Literal('left'), participant: Type.String() }),
  Type.Object({ type: Type.Literal('changed'), participant: ParticipantState }),
  Type.Object({ type: Type.Literal('speaking'), participants: Type.Array(Type.String()) }),
  /** Who leads the talk; nobody after they left. */
  Type.Object({ type: Type.Literal('dominant'), participant: Type.Optional(Type.String()) }),
  Type.Object({
    type: Type.Literal('layout'),
    layout: LayoutDescription,
    /**
     * RTP timestamp of the first picture of which this holds, if it is known; tiles that were
     * elsewhere take 200 ms to be there (protocol/tile-geometry.ts).
     */
    timestamp: Type.Optional(Type.Number()),
  }),
  Type.Object({ type: Type.Literal('room'), room: RoomState }),
  Type.Object({ type: Type.Literal('chat'), message: ChatState }),
  /** After the welcome, if there is any: the last of what was written, the oldest first. */
  Type.Object({ type: Type.Literal('history'), messages: Type.Array(ChatState) }),
  Type.Object({
    type: Type.Literal('message'),
    /** Participant. */
    from: Type.String(),
    topic: Type.String(),
    data: Type.Unknown(),
    /** In ms since 1970. */
    time: Type.Number(),
  }),
  /** For hosts: all who wait. */
  Type.Object({ type: Type.Literal('lobby'), waiting: Type.Array(WaitingState) }),
  /** A host switched these off. */
  Type.Object({ type: Type.Literal('muted'), ...MediaOff }),
  /** A host asks to switch these on. */
  Type.Object({ type: Type.Literal('unmuteAsked'), ...Media }),
  /** The media connection as the server sees it. */
  Type.Object({
    type: Type.Literal('connection'),
    state: Type.Union([
      Type.Literal('new'),
      Type.Literal('connecting'),
      Type.Literal('connected'),
      Type.Literal('interrupted'),
      Type.Literal('failed'),
    ]),
  }),
  /** Something that everybody in a room is told. */
  Type.Object({
    type: Type.Literal('notice'),
    /** Stable. `draining`: the server will end within `seconds`; the client joins again by itself. */
    code: Type.Literal('draining'),
    message: Type.String(),
    seconds: Type.Number(),
  }),
  Type.Object({
    type: Type.Literal('error'),
    /** Stable; see errors.ts. */
    code: Type.String(),
    message: Type.String(),
    /** What to do about it. */
    next: Type.Optional(Type.String()),
    /** When trying again may help. */
    retryAfterSeconds: Type.Optional(Type.Integer()),
  }),
]);
export type ServerMessage = Static<typeof ServerMessage>;

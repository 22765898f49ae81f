/** Layouts of the composite: the modes, a custom layout, and where the tiles are. */

import { type Static, Type } from '@sinclair/typebox';
import { literals, STRICT } from './literals.js';

export const LAYOUT_MODES = [
  'grid',
  'speaker',
  'presentation',
  'spotlight',
  'pip',
  'custom',
] as const;

export const LayoutMode = literals(LAYOUT_MODES, {
  description:
    '`grid`: all tiles have the same size. `speaker`: the dominant speaker is large, the others are in a strip. ' +
    '`presentation`: shared screens are large, people are in a strip; without a shared screen like `speaker`. ' +
    '`spotlight`: only pinned participants or the dominant speaker. ' +
    '`pip`: like `spotlight`, with one more participant in a corner. ' +
    '`custom`: the regions of a custom layout.',
});
export type LayoutMode = Static<typeof LayoutMode>;

export const TILE_ROLES = ['screen', 'speaker', 'participant'] as const;

export const TileRole = literals(TILE_ROLES, {
  description:
    '`screen`: a shared screen. `speaker`: the dominant speaker, or a pinned participant. `participant`: anybody.',
});
export type TileRole = Static<typeof TileRole>;

export const TileFit = literals(['crop', 'letterbox'], {
  description:
    '`crop`: the video fills the tile and is cut. `letterbox`: the whole video with bars.',
});
export type TileFit = Static<typeof TileFit>;

export const Colour = Type.String({ pattern: '^#[0-9a-fA-F]{6}$', description: '`#rrggbb`' });
export type Colour = Static<typeof Colour>;

/** Name of an image that was uploaded for the room. */
export const ImageName = Type.String({
  pattern: '^[a-z0-9-]{1,32}$',
  description: 'lower case letters, digits, "-"',
});

const Position = Type.Number({ minimum: 0, maximum: 1 });
const Length = Type.Number({ exclusiveMinimum: 0, maximum: 1 });

export const CustomRegion = Type.Object(
  {
    x: Position,
    y: Position,
    width: Length,
    height: Length,
    role: TileRole,
    identity: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: 'keeps the region for the participant with this identity',
      }),
    ),
    z: Type.Optional(
      Type.Integer({
        minimum: -100,
        maximum: 100,
        description: 'higher ones cover lower ones; of equal ones the later covers; default 0',
      }),
    ),
    fit: Type.Optional(TileFit),
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
            description: "in fractions of the composite's height",
          }),
          colour: Colour,
        },
        STRICT,
      ),
    ),
    background: Type.Optional(
      Type.String({
        ...Colour,
        description: '`#rrggbb`; behind letterboxed video, and while the region is empty',
      }),
    ),
  },
  {
    ...STRICT,
    description: 'A place for one tile. Position and size are fractions of the composite.',
  },
);
export type CustomRegion = Static<typeof CustomRegion>;

export const CustomLayout = Type.Object(
  {
    background: Type.Optional(Colour),
    image: Type.Optional(
      Type.String({
        ...ImageName,
        description: 'name of an image of the room, drawn behind everything',
      }),
    ),
    regions: Type.Array(CustomRegion, { minItems: 1, maxItems: 49 }),
  },
  { ...STRICT, description: 'The layout of mode `custom`.' },
);
export type CustomLayout = Static<typeof CustomLayout>;

export const TileRegion = Type.Object(
  {
    participant: Type.String({ description: 'id of the participant' }),
    source: literals(['camera', 'screen_share']),
    role: TileRole,
    z: Type.Integer({ description: 'higher ones cover lower ones' }),
    fit: TileFit,
    x: Type.Number(),
    y: Type.Number(),
    width: Type.Number(),
    height: Type.Number(),
  },
  { description: 'Where a tile is. Position and size are fractions of the composite.' },
);
export type TileRegion = Static<typeof TileRegion>;

export const LayoutDescription = Type.Object(
  {
    mode: LayoutMode,
    width: Type.Integer({ description: 'of the composite at full size, in pixels' }),
    height: Type.Integer({ description: 'of the composite at full size, in pixels' }),
    pinned: Type.Array(Type.String(), {
      description: 'shown large: participants (`<id>`) and their screens (`<id>:screen`)',
    }),
    regions: Type.Array(TileRegion, { description: 'later ones cover earlier ones' }),
  },
  { description: 'What the composite shows, and where.' },
);
export type LayoutDescription = Static<typeof LayoutDescription>;

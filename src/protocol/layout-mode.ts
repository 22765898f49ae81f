export const LAYOUT_MODES = [
  'grid',
  'speaker',
  'presentation',
  'spotlight',
  'pip',
  'custom',
] as const;

/**
 * `grid`: everybody alike. `speaker`: who leads the talk large, the others in a strip. `presentation`:
 * shared screens large, people in a strip; without a share like `speaker`. `spotlight`: the pinned
 * ones, or who leads, alone. `pip`: the same, and one more in a corner of the picture. `custom`:
 * regions that somebody described.
 */
export type LayoutMode = (typeof LAYOUT_MODES)[number];

export const TILE_ROLES = ['screen', 'speaker', 'participant'] as const;

/** Whom a place is for: a shared screen, who leads the talk or is pinned, or anybody. */
export type TileRole = (typeof TILE_ROLES)[number];

/** How a picture fills its tile: cut to its shape, or whole with bars. */
export type TileFit = 'crop' | 'letterbox';

/** `#rrggbb`. */
export type Colour = string;

/** A place of a layout that somebody described; see the schema in signalling/messages.ts. */
export interface CustomRegion {
  /** Fractions of the picture. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly role: TileRole;
  /** Kept for whoever has this identity. */
  readonly identity?: string;
  /** Higher lies over lower; the order of the list decides between equals. */
  readonly z?: number;
  readonly fit?: TileFit;
  /** Of the corners, in fractions of the shorter side. */
  readonly radius?: number;
  /** Width in fractions of the picture's height. */
  readonly border?: { readonly width: number; readonly colour: Colour };
  /** Behind a picture that is not cut, and while nobody has the place. */
  readonly background?: Colour;
}

export interface CustomLayout {
  readonly background?: Colour;
  /** Name of an image of the room, which fills the picture behind everything. */
  readonly image?: string;
  readonly regions: CustomRegion[];
}

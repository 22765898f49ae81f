/** The contract between the layout planner and the layout modes, which are one file each. */
import type { SourceId, SourceState } from '../../link/link-messages.js';
import type { CustomLayout, CustomRegion, TileRole } from '../../protocol/layout.js';
import type { Rect } from '../../protocol/tile-geometry.js';

/** The canvas that tiles are placed on, in pixels. */
export interface LayoutCanvas {
  readonly width: number;
  readonly height: number;
  /** Space between tiles and around them. */
  readonly gap: number;
}

/** What a layout needs to know of a source. */
export type PlannedSource = Pick<SourceState, 'id' | 'kind' | 'identity'>;

/** The look of a tile in a custom layout. */
export type TileStyle = Pick<CustomRegion, 'fit' | 'radius' | 'border' | 'background'>;

/** A source's tile. */
export interface Placement {
  readonly source: SourceId;
  /** x, y and height are even; the width is a multiple of TILE_WIDTH_ALIGN. */
  readonly rect: Rect;
  /** Where a moving tile will end; undefined for a tile that stands still. */
  readonly target?: Rect;
  readonly role: TileRole;
  readonly z: number;
  readonly style?: TileStyle;
}

/** Keeps places stable from tick to tick; see {@link TileSlots}. At most `places` ids, in order. */
export type AssignSlots = (ids: readonly SourceId[], places: number) => readonly SourceId[];

/** What a layout is given on each tick. */
export interface LayoutInput {
  readonly canvas: LayoutCanvas;
  /** Sources that may have a tile, in the order of joining. */
  readonly sources: readonly PlannedSource[];
  /** Pinned sources that are in the room, in the order of pinning. */
  readonly pinned: readonly SourceId[];
  /** The source for a single large tile; undefined in an empty room. */
  readonly large: SourceId | undefined;
  /** Everybody in the order of the grid: at most MAX_TILES sources. */
  readonly grid: readonly SourceId[];
  /** The large source first, then all others in the order of the strip. */
  line(): readonly SourceId[];
  /**
   * Shared screens in the order of sharing.
   * @param max above this number pinned screens stay, then the newest.
   */
  screens(max: number): readonly SourceId[];
  readonly slots: {
    /** Of the strip beside shared screens. */
    readonly strip: AssignSlots;
    /** Of the free regions of a custom layout. */
    readonly regions: AssignSlots;
  };
  /** The regions of the mode `custom`. */
  readonly custom: CustomLayout | undefined;
}

/**
 * A layout mode. Returns placements from the back to the front; a source without one is not shown.
 */
export type Layout = (input: LayoutInput) => Placement[];

/**
 * Gives each rectangle the source with the same index.
 * @param large number of rectangles, from the first, that are large.
 */
export function placeInOrder(
  { sources }: LayoutInput,
  order: readonly SourceId[],
  rects: readonly Rect[],
  large = 0,
): Placement[] {
  const kinds = new Map(sources.map(({ id, kind }) => [id, kind]));
  return rects.flatMap((rect, index) => {
    const source = order[index];
    if (source === undefined) return [];
    const person = index < large ? 'speaker' : 'participant';
    const role = kinds.get(source) === 'screen' ? 'screen' : person;
    return [{ source, rect, role, z: 0 }];
  });
}

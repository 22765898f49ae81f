/**
 * Who gets which tile, and when that changes: nobody's tile moves because of a cough, and a tile
 * keeps its place when others leave, where it can. Pure: takes the time, reads no clock.
 */
import type { LayoutState, SourceId, SourceState } from '../../link/link-messages.js';
import type { CustomRegion, TileRole } from '../../protocol/layout-mode.js';
import type { Rect } from '../../protocol/tile-geometry.js';
import type { Micros } from '../../util/units.js';
import { assignRegions } from './custom-regions.js';
import { type GridOptions, gridLayout, MAX_TILES } from './grid-layout.js';
import {
  pictureInPictureLayout,
  presentationLayout,
  STRIP_TILES,
  speakerLayout,
} from './layouts.js';
import { TileSlots } from './tile-slots.js';

/** A new speaker leads for so long before the large tile is theirs. */
export const LARGE_HOLD: Micros = 1_500_000;
/** Screens that are shown large at once. */
const MAX_SCREENS = 2;

/** What a place looks like, where somebody described it. */
export type TileStyle = Pick<CustomRegion, 'fit' | 'radius' | 'border' | 'background'>;

export interface Placement {
  readonly source: SourceId;
  readonly rect: Rect;
  /** Where it is going; undefined if it is there. */
  readonly target?: Rect;
  readonly role: TileRole;
  readonly z: number;
  readonly style?: TileStyle;
}

/** What the planner has to know of a source. */
export type PlannedSource = Pick<SourceState, 'id' | 'kind' | 'identity'>;

export interface PlanInput {
  /** Those who may have a tile, in the order of joining. */
  readonly sources: readonly PlannedSource[];
  /** Who leads the talk; undefined before anybody did. */
  readonly dominant: SourceId | undefined;
  readonly layout: LayoutState;
  readonly now: Micros;
}

export class LayoutPlanner {
  /** Places of the grid, and of the strips where nobody is large. */
  private readonly grid = new TileSlots();
  private readonly strip = new TileSlots();
  private readonly custom = new TileSlots();
  /** The large one, and the strip beside it. */
  private line: SourceId[] = [];
  private readonly spokeAt = new Map<SourceId, Micros>();
  private large: SourceId | undefined;
  /** Who may take the large tile, and since when they lead. */
  private next: { readonly id: SourceId; readonly since: Micros } | undefined;

  constructor(private readonly options: GridOptions) {}

  /** Placements from the back to the front. */
  plan(input: PlanInput): Placement[] {
    const all = input.sources.map(({ id }) => id);
    this.follow(input, new Set(all));
    const screens = this.screensOf(input);
    const { mode } = input.layout;
    if (mode === 'custom') return this.planCustom(input);
    if (mode === 'presentation' && screens.length > 0) return this.present(input, screens);
    const grid = this.grid.update(all, MAX_TILES, this.spokeAt);
    if (mode === 'grid') return this.place(input, grid, gridLayout(grid.length, this.options));
    const large = this.largeOf(input);
    if (large === undefined) return [];
    if (mode === 'spotlight') {
      const pinned = input.layout.pinned.filter((id) => all.includes(id));
      const shown = pinned.length > 0 ? pinned : [large];
      return this.place(input, shown, gridLayout(shown.length, this.options), shown.length);
    }
    this.lead(large, all);
    const layout = mode === 'pip' ? pictureInPictureLayout : speakerLayout;
    return this.place(input, this.line, layout(this.line.length, this.options), 1);
  }

  /** @param large how many of the first are in large places. */
  private place(
    { sources, layout }: PlanInput,
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
      return [{ source, rect, role, z: layout.mode === 'pip' ? index : 0 }];
    });
  }

  private present(input: PlanInput, screens: readonly SourceId[]): Placement[] {
    const people = input.sources.filter(({ kind }) => kind === 'camera').map(({ id }) => id);
    const strip = this.strip.update(people, STRIP_TILES, this.spokeAt);
    const rects = presentationLayout(screens.length, strip.length, this.options);
    return this.place(input, [...screens, ...strip], rects);
  }

  private planCustom(input: PlanInput): Placement[] {
    const regions = input.layout.custom?.regions ?? [];
    return assignRegions(regions, this.options, {
      sources: input.sources,
      speaker: this.largeOf(input),
      screens: this.screensOf(input, regions.length),
      others: (ids, places) => this.custom.update(ids, places, this.spokeAt),
    });
  }

  /** Shared screens, the pinned ones first, then the newest. */
  private screensOf({ sources, layout }: PlanInput, most = MAX_SCREENS): SourceId[] {
    const ids = sources.filter(({ kind }) => kind === 'screen').map(({ id }) => id);
    const pinned = layout.pinned.filter((id) => ids.includes(id));
    const shown = [...pinned, ...ids.filter((id) => !pinned.includes(id)).reverse()];
    // Side by side in the order of sharing: a new one moves none that stays.
    return shown.slice(0, most).sort((a, b) => ids.indexOf(a) - ids.indexOf(b));
  }

  private largeOf({ sources, layout }: PlanInput): SourceId | undefined {
    const ids = sources.map(({ id }) => id);
    return layout.pinned.find((id) => ids.includes(id)) ?? this.large ?? ids[0];
  }

  private follow({ dominant, now }: PlanInput, here: ReadonlySet<SourceId>): void {
    for (const id of this.spokeAt.keys()) if (!here.has(id)) this.spokeAt.delete(id);
    if (dominant !== undefined && here.has(dominant)) this.spokeAt.set(dominant, now);
    if (this.large !== undefined && !here.has(this.large)) this.large = undefined;
    if (dominant === undefined || !here.has(dominant) || dominant === this.large) {
      this.next = undefined;
    } else if (this.large === undefined) this.large = dominant;
    else if (this.next?.id !== dominant) this.next = { id: dominant, since: now };
    else if (now - this.next.since >= LARGE_HOLD) {
      this.large = dominant;
      this.next = undefined;
    }
  }

  /** Puts somebody before all others; who was there takes their place in the strip. */
  private lead(large: SourceId, sources: readonly SourceId[]): void {
    const here = new Set(sources);
    this.line = this.line.filter((id) => here.has(id));
    for (const id of sources) if (!this.line.includes(id)) this.line.push(id);
    const from = this.line.indexOf(large);
    const before = this.line[0];
    if (from <= 0 || before === undefined) return;
    this.line[0] = large;
    if (from <= STRIP_TILES) {
      this.line[from] = before;
      return;
    }
    this.line.splice(from, 1);
    this.line.splice(STRIP_TILES, 0, before);
  }
}

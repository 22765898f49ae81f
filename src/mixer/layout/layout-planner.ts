/**
 * Decides who is large and who keeps which place, and lets the layout of the room's mode turn that
 * into placements. A cough moves no tile; when somebody leaves, at most one tile moves. Pure: takes
 * the time, reads no clock.
 */
import type { LayoutState, SourceId } from '../../link/link-messages.js';
import type { Micros } from '../../util/units.js';
import { MAX_TILES } from './grid.js';
import type { LayoutCanvas, LayoutInput, Placement, PlannedSource } from './layout.js';
import { LAYOUTS } from './layouts.js';
import { STRIP_TILES } from './stage-and-strip.js';
import { TileSlots } from './tile-slots.js';

/** A new dominant speaker gets the large tile after this time. */
export const LARGE_HOLD: Micros = 1_500_000;

export interface PlanInput {
  /** Sources that may have a tile, in the order of joining. */
  readonly sources: readonly PlannedSource[];
  /** The dominant speaker; undefined until somebody spoke. */
  readonly dominant: SourceId | undefined;
  readonly layout: LayoutState;
  readonly now: Micros;
}

export class LayoutPlanner {
  private readonly grid = new TileSlots();
  private readonly strip = new TileSlots();
  private readonly regions = new TileSlots();
  /** The source in the large tile, then those in the strip. */
  private line: SourceId[] = [];
  private readonly spokeAt = new Map<SourceId, Micros>();
  private large: SourceId | undefined;
  /** Who may take the large tile, and since when they are the dominant speaker. */
  private next: { readonly id: SourceId; readonly since: Micros } | undefined;
  private readonly slots: LayoutInput['slots'] = {
    strip: (ids, places) => this.strip.update(ids, places, this.spokeAt),
    regions: (ids, places) => this.regions.update(ids, places, this.spokeAt),
  };

  constructor(private readonly canvas: LayoutCanvas) {}

  /** Placements from the back to the front. */
  plan(input: PlanInput): Placement[] {
    const { sources, layout } = input;
    const ids = sources.map(({ id }) => id);
    const present = new Set(ids);
    this.follow(input, present);
    const pinned = layout.pinned.filter((id) => present.has(id));
    const large = pinned[0] ?? this.large ?? ids[0];
    return LAYOUTS[layout.mode]({
      canvas: this.canvas,
      sources,
      pinned,
      large,
      // In every mode, so that a return to the grid moves nobody.
      grid: this.grid.update(ids, MAX_TILES, this.spokeAt),
      line: () => this.lineBehind(large, ids, present),
      screens: (max) => screensOf(sources, pinned, max),
      slots: this.slots,
      custom: layout.custom,
    });
  }

  private follow({ dominant, now }: PlanInput, present: ReadonlySet<SourceId>): void {
    for (const id of this.spokeAt.keys()) if (!present.has(id)) this.spokeAt.delete(id);
    if (this.large !== undefined && !present.has(this.large)) this.large = undefined;
    if (dominant === undefined || !present.has(dominant)) {
      this.next = undefined;
      return;
    }
    this.spokeAt.set(dominant, now);
    if (dominant === this.large) this.next = undefined;
    else if (this.large === undefined) {
      this.large = dominant;
      this.next = undefined;
    } else if (this.next?.id !== dominant) this.next = { id: dominant, since: now };
    else if (now - this.next.since >= LARGE_HOLD) {
      this.large = dominant;
      this.next = undefined;
    }
  }

  /** Puts the large source first; the one that was there takes its place in the strip. */
  private lineBehind(
    large: SourceId | undefined,
    ids: readonly SourceId[],
    present: ReadonlySet<SourceId>,
  ): readonly SourceId[] {
    this.line = this.line.filter((id) => present.has(id));
    for (const id of ids) if (!this.line.includes(id)) this.line.push(id);
    const [before] = this.line;
    if (large === undefined || before === undefined) return this.line;
    const from = this.line.indexOf(large);
    if (from <= 0) return this.line;
    this.line[0] = large;
    if (from <= STRIP_TILES) this.line[from] = before;
    else {
      // From beyond the strip: the one that was large is still seen, in its last tile.
      this.line.splice(from, 1);
      this.line.splice(STRIP_TILES, 0, before);
    }
    return this.line;
  }
}

/**
 * At most `max` screens: pinned ones, then the newest; in the order of sharing, so that none moves.
 */
function screensOf(
  sources: readonly PlannedSource[],
  pinned: readonly SourceId[],
  max: number,
): readonly SourceId[] {
  const ids = sources.filter(({ kind }) => kind === 'screen').map(({ id }) => id);
  const first = pinned.filter((id) => ids.includes(id));
  const newest = ids.filter((id) => !first.includes(id)).reverse();
  return [...first, ...newest].slice(0, max).sort((a, b) => ids.indexOf(a) - ids.indexOf(b));
}

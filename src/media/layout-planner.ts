/**
 * Who gets which tile, and when that changes: nobody's tile moves because of a cough, and a tile
 * keeps its place when others leave, where it can. Pure: takes the time, reads no clock.
 */
import type { LayoutState, SourceId } from '../link/link-messages.js';
import type { Micros } from '../shared/units.js';
import type { Rect } from './ffmpeg/picture.js';
import { type GridOptions, gridLayout, MAX_TILES } from './grid-layout.js';
import { pictureInPictureLayout, STRIP_TILES, speakerLayout } from './layouts.js';

/** A new speaker leads for so long before the large tile is theirs. */
export const LARGE_HOLD: Micros = 1_500_000;

export interface Placement {
  readonly source: SourceId;
  readonly rect: Rect;
}

export interface PlanInput {
  /** Those who may have a tile, in the order of joining. */
  readonly sources: readonly SourceId[];
  /** Who leads the talk; undefined before anybody did. */
  readonly dominant: SourceId | undefined;
  readonly layout: LayoutState;
  readonly now: Micros;
}

export class LayoutPlanner {
  /** Places of the grid. */
  private slots: SourceId[] = [];
  /** The large one, and the strip beside it. */
  private line: SourceId[] = [];
  private readonly spokeAt = new Map<SourceId, Micros>();
  private large: SourceId | undefined;
  /** Who may take the large tile, and since when they lead. */
  private next: { readonly id: SourceId; readonly since: Micros } | undefined;

  constructor(private readonly options: GridOptions) {}

  /** Placements from the back to the front. */
  plan(input: PlanInput): Placement[] {
    this.follow(input);
    const { mode } = input.layout;
    const order = this.orderFor(input);
    const rects =
      mode === 'speaker'
        ? speakerLayout(order.length, this.options)
        : mode === 'pip'
          ? pictureInPictureLayout(order.length, this.options)
          : gridLayout(order.length, this.options);
    return rects.flatMap((rect, index) => {
      const source = order[index];
      return source === undefined ? [] : [{ source, rect }];
    });
  }

  private follow({ sources, dominant, now }: PlanInput): void {
    const here = new Set(sources);
    for (const id of this.spokeAt.keys()) if (!here.has(id)) this.spokeAt.delete(id);
    if (dominant !== undefined && here.has(dominant)) this.spokeAt.set(dominant, now);
    this.keepSlots(sources, here);
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

  /** Who left is replaced by the last one, so that one tile moves and not all behind it. */
  private keepSlots(sources: readonly SourceId[], here: ReadonlySet<SourceId>): void {
    const known = new Set(this.slots);
    for (const id of sources) if (!known.has(id)) this.slots.push(id);
    for (let index = this.slots.length - 1; index >= 0; index--) {
      if (here.has(this.slots[index] as SourceId)) continue;
      const last = this.slots.pop() as SourceId;
      if (index < this.slots.length) this.slots[index] = last;
    }
    // More than there are places: whoever speaks takes that of who has been silent for longest.
    for (let index = MAX_TILES; index < this.slots.length; index++) {
      const id = this.slots[index] as SourceId;
      const spoke = this.spokeAt.get(id) ?? Number.NEGATIVE_INFINITY;
      const quiet = this.quietestShown();
      if (spoke <= this.spokenBy(quiet)) continue;
      this.slots[index] = this.slots[quiet] as SourceId;
      this.slots[quiet] = id;
    }
  }

  private spokenBy(slot: number): number {
    return this.spokeAt.get(this.slots[slot] as SourceId) ?? Number.NEGATIVE_INFINITY;
  }

  private quietestShown(): number {
    let quiet = MAX_TILES - 1;
    for (let slot = MAX_TILES - 1; slot >= 0; slot--) {
      if (this.spokenBy(slot) < this.spokenBy(quiet)) quiet = slot;
    }
    return quiet;
  }

  /** Who is placed, the most important first. */
  private orderFor({ sources, layout }: PlanInput): SourceId[] {
    if (layout.mode === 'grid') return this.slots.slice(0, MAX_TILES);
    const pinned = layout.pinned.filter((id) => sources.includes(id));
    const large = pinned[0] ?? this.large ?? this.slots[0];
    if (large === undefined) return [];
    if (layout.mode === 'spotlight') return pinned.length > 0 ? pinned : [large];
    this.lead(large, sources);
    return this.line;
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

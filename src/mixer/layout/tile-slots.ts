/**
 * Who keeps which place when places are limited. When somebody leaves, the last one takes the free
 * place, so that one tile moves instead of all behind it. Beyond the places, those who spoke last
 * are shown. Pure.
 */
import type { SourceId } from '../../link/link-messages.js';
import type { Micros } from '../../util/units.js';

export class TileSlots {
  private slots: SourceId[] = [];

  /**
   * @param sources in the order of joining.
   * @param spokeAt when each was last the dominant speaker; others are missing.
   * @returns at most `places` sources, in the order of the places.
   */
  update(
    sources: readonly SourceId[],
    places: number,
    spokeAt: ReadonlyMap<SourceId, Micros>,
  ): SourceId[] {
    const { slots } = this;
    const here = new Set(sources);
    const known = new Set(slots);
    for (const id of sources) if (!known.has(id)) slots.push(id);
    for (let index = slots.length - 1; index >= 0; index--) {
      if (here.has(slots[index] as SourceId)) continue;
      const last = slots.pop() as SourceId;
      if (index < slots.length) slots[index] = last;
    }
    const spoken = (slot: number) =>
      spokeAt.get(slots[slot] as SourceId) ?? Number.NEGATIVE_INFINITY;
    // A speaker without a place takes the place of the source that was silent for longest.
    for (let index = places; index < slots.length && places > 0; index++) {
      let quiet = places - 1;
      for (let slot = places - 1; slot >= 0; slot--) if (spoken(slot) < spoken(quiet)) quiet = slot;
      if (spoken(index) <= spoken(quiet)) continue;
      const id = slots[index] as SourceId;
      slots[index] = slots[quiet] as SourceId;
      slots[quiet] = id;
    }
    return slots.slice(0, places);
  }
}

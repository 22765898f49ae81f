/** Who gets which place of a layout that somebody described. Pure. */
import type { SourceId } from '../../link/link-messages.js';
import type { CustomRegion } from '../../protocol/layout-mode.js';
import type { Rect } from '../../protocol/tile-geometry.js';
import { evenDown, TILE_WIDTH_ALIGN } from '../../protocol/tile-geometry.js';
import type { Placement, PlannedSource, TileStyle } from './layout-planner.js';

interface Candidates {
  /** In the order of joining. */
  readonly sources: readonly PlannedSource[];
  /** Who leads the talk, or is pinned. */
  readonly speaker: SourceId | undefined;
  readonly screens: readonly SourceId[];
  /** At most so many of these, in the order of the places. */
  others(ids: readonly SourceId[], places: number): readonly SourceId[];
}

/** Pixels of a region: even, its width what the scaler writes, within the canvas. */
export function regionRect(
  region: Pick<CustomRegion, 'x' | 'y' | 'width' | 'height'>,
  canvas: { readonly width: number; readonly height: number },
): Rect {
  const align = TILE_WIDTH_ALIGN;
  const wanted = Math.round((region.width * canvas.width) / align) * align;
  const width = Math.min(canvas.width, Math.max(align, wanted));
  const height = Math.min(canvas.height, Math.max(2, evenDown(region.height * canvas.height + 1)));
  const x = Math.min(evenDown(region.x * canvas.width + 1), canvas.width - width);
  const y = Math.min(evenDown(region.y * canvas.height + 1), canvas.height - height);
  return { x, y, width, height };
}

function styleOf({ fit, radius, border, background }: CustomRegion): TileStyle {
  return {
    ...(fit === undefined ? {} : { fit }),
    ...(radius === undefined ? {} : { radius }),
    ...(border === undefined ? {} : { border }),
    ...(background === undefined ? {} : { background }),
  };
}

/** Placements from the back to the front; whoever finds no place has none. */
export function assignRegions(
  regions: readonly CustomRegion[],
  canvas: { readonly width: number; readonly height: number },
  { sources, speaker, screens, others }: Candidates,
): Placement[] {
  const taken = new Map<CustomRegion, SourceId>();
  const placed = new Set<SourceId>();
  const give = (region: CustomRegion, source: SourceId | undefined) => {
    if (source === undefined || placed.has(source)) return;
    taken.set(region, source);
    placed.add(source);
  };
  const kindOf = (role: CustomRegion['role']) => (role === 'screen' ? 'screen' : 'camera');
  for (const region of regions) {
    const { identity, role } = region;
    if (identity === undefined) continue;
    give(region, sources.find((one) => one.identity === identity && one.kind === kindOf(role))?.id);
  }
  const free = regions.filter(({ identity }) => identity === undefined);
  for (const region of free.filter(({ role }) => role === 'screen')) {
    give(
      region,
      screens.find((id) => !placed.has(id)),
    );
  }
  for (const region of free.filter(({ role }) => role === 'speaker')) give(region, speaker);
  const rest = sources.filter(({ id, kind }) => kind === 'camera' && !placed.has(id));
  const places = free.filter((region) => region.role !== 'screen' && !taken.has(region));
  const chosen = others(
    rest.map(({ id }) => id),
    places.length,
  );
  for (const [index, region] of places.entries()) give(region, chosen[index]);
  return [...taken]
    .map(([region, source]) => ({
      source,
      rect: regionRect(region, canvas),
      role: region.role,
      z: region.z ?? 0,
      style: styleOf(region),
      order: regions.indexOf(region),
    }))
    .sort((a, b) => a.z - b.z || a.order - b.order)
    .map(({ order, ...placement }) => placement);
}

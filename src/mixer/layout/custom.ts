/**
 * The mode `custom`: regions that the room's owner described. Regions with an identity are kept for
 * that person; screens, then the speaker, take the regions of their role; people fill the rest.
 */
import type { SourceId } from '../../link/link-messages.js';
import type { CustomRegion } from '../../protocol/layout.js';
import type { Rect } from '../../protocol/tile-geometry.js';
import { evenDown, TILE_WIDTH_ALIGN } from '../../protocol/tile-geometry.js';
import type { Layout, LayoutInput, Placement, TileStyle } from './layout.js';

export const custom: Layout = (input) => {
  const regions = input.custom?.regions ?? [];
  const taken = assignRegions(regions, input);
  const placements: Placement[] = [];
  // In the order of the list: sorting keeps it between equal z.
  for (const region of regions) {
    const source = taken.get(region);
    if (source === undefined) continue;
    const { role, z = 0 } = region;
    placements.push({
      source,
      rect: regionRect(region, input.canvas),
      role,
      z,
      style: styleOf(region),
    });
  }
  return placements.sort((a, b) => a.z - b.z);
};

/** The source of each region; a region that nobody takes is missing. */
function assignRegions(
  regions: readonly CustomRegion[],
  { sources, large, screens, slots }: LayoutInput,
): Map<CustomRegion, SourceId> {
  const taken = new Map<CustomRegion, SourceId>();
  const placed = new Set<SourceId>();
  const give = (region: CustomRegion, source: SourceId | undefined) => {
    if (source === undefined || placed.has(source)) return;
    taken.set(region, source);
    placed.add(source);
  };
  for (const region of regions) {
    const { identity, role } = region;
    if (identity === undefined) continue;
    const wanted = role === 'screen' ? 'screen' : 'camera';
    give(region, sources.find((one) => one.identity === identity && one.kind === wanted)?.id);
  }
  const free = regions.filter(({ identity }) => identity === undefined);
  const shared = screens(regions.length);
  for (const region of free.filter(({ role }) => role === 'screen')) {
    const next = shared.find((id) => !placed.has(id));
    give(region, next);
  }
  for (const region of free.filter(({ role }) => role === 'speaker')) give(region, large);
  const people = sources.filter(({ id, kind }) => kind === 'camera' && !placed.has(id));
  const places = free.filter((region) => region.role !== 'screen' && !taken.has(region));
  const chosen = slots.regions(
    people.map(({ id }) => id),
    places.length,
  );
  for (const [index, region] of places.entries()) give(region, chosen[index]);
  return taken;
}

/** Pixels of a region, within the canvas: all even, the width a multiple of TILE_WIDTH_ALIGN. */
function regionRect(
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

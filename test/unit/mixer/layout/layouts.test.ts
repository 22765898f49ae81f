/** Every mode: placements lie on the canvas, apart from each other, and show who they should. */
import { expect, test } from 'vitest';
import { LayoutPlanner } from '../../../../src/mixer/layout/layout-planner.js';
import { LAYOUTS } from '../../../../src/mixer/layout/layouts.js';
import {
  type CustomLayout,
  LAYOUT_MODES,
  type LayoutMode,
} from '../../../../src/protocol/layout.js';
import { overlap } from '../../../../src/protocol/tile-geometry.js';

const CANVASES = [
  { width: 1280, height: 720, gap: 8 },
  { width: 960, height: 960, gap: 8 },
  { width: 720, height: 1280, gap: 8 },
];
const MAX_SOURCES = 49;

/** A 7 x 7 grid of regions: room for everybody. */
const custom: CustomLayout = {
  regions: Array.from({ length: 49 }, (_, index) => ({
    x: (index % 7) / 7,
    y: Math.floor(index / 7) / 7,
    width: 1 / 8,
    height: 1 / 8,
    role: 'participant' as const,
  })),
};

/** How many of `people` sources each mode shows, with this number of screens among them. */
const SHOWN: Record<LayoutMode, (count: number, screens: number) => number> = {
  grid: (count) => count,
  speaker: (count) => Math.min(count, 7),
  presentation: (count, screens) =>
    screens === 0 ? Math.min(count, 7) : Math.min(screens, 2) + Math.min(count - screens, 6),
  spotlight: () => 1,
  pip: (count) => Math.min(count, 2),
  custom: (count, screens) => count - screens,
};

test('there is a layout for each mode', () => {
  expect(Object.keys(LAYOUTS).sort()).toEqual([...LAYOUT_MODES].sort());
});

test.each(LAYOUT_MODES)('%s: 1 to 49 sources, inside the canvas and apart', (mode) => {
  for (const canvas of CANVASES) {
    for (const screens of [0, 1, 3]) {
      for (let count = Math.max(1, screens); count <= MAX_SOURCES; count++) {
        const planner = new LayoutPlanner(canvas);
        const sources = Array.from({ length: count }, (_, index) => ({
          id: index + 1,
          identity: `p${index + 1}`,
          kind: index < screens ? ('screen' as const) : ('camera' as const),
        }));
        const layout = { mode, pinned: [], custom };
        const placed = planner.plan({ sources, dominant: undefined, layout, now: 0 });
        const about = `${mode}, ${count} sources, ${canvas.width}x${canvas.height}`;
        expect(placed.length, about).toBe(SHOWN[mode](count, screens));
        expect(new Set(placed.map(({ source }) => source)).size, about).toBe(placed.length);
        for (const [index, { rect }] of placed.entries()) {
          const { x, y, width, height } = rect;
          expect([x % 2, y % 2, width % 16, height % 2], about).toEqual([0, 0, 0, 0]);
          expect(x >= 0 && y >= 0 && width > 0 && height > 0, about).toBe(true);
          expect(x + width <= canvas.width && y + height <= canvas.height, about).toBe(true);
          // A picture in the picture lies over the other one.
          if (mode === 'pip') continue;
          const later = placed.slice(index + 1);
          expect(
            later.some((other) => overlap(rect, other.rect)),
            about,
          ).toBe(false);
        }
      }
    }
  }
});

test('a return to the grid moves nobody, though people came and went meanwhile', () => {
  const planner = new LayoutPlanner(CANVASES[0] as (typeof CANVASES)[0]);
  const plan = (mode: LayoutMode, ids: readonly number[]) =>
    planner
      .plan({
        sources: ids.map((id) => ({ id, identity: `p${id}`, kind: 'camera' as const })),
        dominant: undefined,
        layout: { mode, pinned: [], custom },
        now: 0,
      })
      .map(({ source }) => source);
  for (const mode of LAYOUT_MODES) {
    expect(plan('grid', [1, 2, 3, 4])).toEqual([1, 2, 3, 4]);
    plan(mode, [1, 3, 4]);
    plan(mode, [1, 3, 4, 5]);
    expect(plan('grid', [1, 3, 4, 5])).toEqual([1, 4, 3, 5]);
    for (const id of [4, 3, 1]) plan('grid', [id]);
    plan('grid', []);
  }
});

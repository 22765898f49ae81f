/** Who gets which tile, and that nothing moves without need. */
import { expect, test } from 'vitest';
import type { SourceId, SourceKind } from '../../../../src/link/link-messages.js';
import { LARGE_HOLD, LayoutPlanner } from '../../../../src/mixer/layout/layout-planner.js';
import { pictureInPictureRects } from '../../../../src/mixer/layout/picture-in-picture.js';
import { speakerRects } from '../../../../src/mixer/layout/speaker.js';
import type { LayoutMode } from '../../../../src/protocol/layout.js';

const CANVASES = [
  { width: 1280, height: 720, gap: 8 },
  { width: 720, height: 1280, gap: 8 },
  { width: 960, height: 960, gap: 8 },
];
const COUNTS = [1, 2, 3, 5, 9, 16, 25, 49];

function overlaps(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

test('tiles lie in the canvas, on even pixels, and over each other only where they should', () => {
  for (const options of CANVASES) {
    for (const count of COUNTS) {
      for (const rects of [speakerRects(count, options), pictureInPictureRects(count, options)]) {
        for (const { x, y, width, height } of rects) {
          expect([x % 2, y % 2, width % 16, height % 2]).toEqual([0, 0, 0, 0]);
          expect(x >= 0 && y >= 0 && width > 0 && height > 0).toBe(true);
          expect(x + width <= options.width && y + height <= options.height).toBe(true);
        }
      }
      const tiles = speakerRects(count, options);
      const [large, ...strip] = tiles as [Rect, ...Rect[]];
      for (const [index, tile] of tiles.entries()) {
        for (const other of tiles.slice(index + 1)) expect(overlaps(tile, other)).toBe(false);
      }
      for (const tile of strip)
        expect(large.width * large.height).toBeGreaterThan(4 * tile.width * tile.height);
      if (count > 1)
        expect(large.width * large.height).toBeGreaterThan(0.35 * options.width * options.height);
    }
  }
});

/** Plans in a row, the time in seconds. */
class Plans {
  readonly planner = new LayoutPlanner({ width: 1280, height: 720, gap: 8 });
  sources: SourceId[] = [];
  dominant: SourceId | undefined;
  mode: LayoutMode = 'grid';
  pinned: SourceId[] = [];
  screens: SourceId[] = [];

  private kindOf(id: SourceId): SourceKind {
    return this.screens.includes(id) ? 'screen' : 'camera';
  }

  at(seconds: number): SourceId[] {
    const { dominant, mode, pinned } = this;
    const sources = this.sources.map((id) => ({ id, kind: this.kindOf(id), identity: `p${id}` }));
    const now = seconds * 1e6;
    return this.planner
      .plan({ sources, dominant, layout: { mode, pinned }, now })
      .map(({ source }) => source);
  }
}

test('a participant who leaves the grid is replaced by the last one; the others stay', () => {
  const plans = new Plans();
  plans.sources = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  expect(plans.at(0)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  plans.sources = [1, 3, 4, 5, 6, 7, 8, 9];
  expect(plans.at(1)).toEqual([1, 9, 3, 4, 5, 6, 7, 8]);
  plans.sources = [1, 3, 4, 5, 6, 7, 8];
  expect(plans.at(2)).toEqual([1, 8, 3, 4, 5, 6, 7]);
  plans.sources = [1, 3, 4, 5, 6, 7, 8, 10];
  expect(plans.at(3)).toEqual([1, 8, 3, 4, 5, 6, 7, 10]);
});

test('beyond 49, a speaker takes the tile of the longest silent participant, and keeps it', () => {
  const plans = new Plans();
  plans.sources = Array.from({ length: 60 }, (_, index) => index + 1);
  const first = plans.at(0);
  expect(first).toEqual(plans.sources.slice(0, 49));
  for (const [second, speaker] of [5, 30, 49].entries()) {
    plans.dominant = speaker;
    plans.at(1 + second);
  }
  plans.dominant = 60;
  const then = plans.at(10);
  expect(then).toHaveLength(49);
  expect(then).toContain(60);
  for (const speaker of [5, 30, 49]) expect(then.indexOf(speaker)).toBe(first.indexOf(speaker));
  expect(then.filter((id, index) => first[index] !== id)).toEqual([60]);
  plans.dominant = 1;
  expect(plans.at(11)).toEqual(then);
});

test('the large tile follows the dominant speaker after a while, but not a cough', () => {
  const plans = new Plans();
  plans.mode = 'speaker';
  plans.sources = [1, 2, 3, 4];
  expect(plans.at(0)[0]).toBe(1);
  plans.dominant = 2;
  expect(plans.at(1)).toEqual([2, 1, 3, 4]);
  plans.dominant = 4;
  expect(plans.at(2)).toEqual([2, 1, 3, 4]);
  plans.dominant = 2;
  expect(plans.at(2.5)).toEqual([2, 1, 3, 4]);
  plans.dominant = 4;
  expect(plans.at(3)).toEqual([2, 1, 3, 4]);
  expect(plans.at(3 + LARGE_HOLD / 1e6 - 0.1)).toEqual([2, 1, 3, 4]);
  // They change places, and nobody else moves.
  expect(plans.at(3 + LARGE_HOLD / 1e6)).toEqual([4, 1, 3, 2]);
  plans.pinned = [3];
  expect(plans.at(8)).toEqual([3, 1, 4, 2]);
  plans.pinned = [];
  expect(plans.at(9)).toEqual([4, 1, 3, 2]);
  plans.sources = [1, 2, 3];
  plans.dominant = undefined;
  expect(plans.at(10)[0]).toBe(1);
});

test('a strip shows some of many, among them the last dominant speaker', () => {
  const plans = new Plans();
  plans.mode = 'speaker';
  plans.sources = Array.from({ length: 20 }, (_, index) => index + 1);
  expect(plans.at(0)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  plans.dominant = 15;
  expect(plans.at(1)).toEqual([15, 2, 3, 4, 5, 6, 1]);
});

test('spotlight shows the pinned or dominant participant; picture in picture shows two', () => {
  const plans = new Plans();
  plans.sources = [1, 2, 3, 4];
  plans.mode = 'spotlight';
  plans.dominant = 3;
  expect(plans.at(0)).toEqual([3]);
  plans.pinned = [2, 4, 9];
  expect(plans.at(1)).toEqual([2, 4]);
  plans.mode = 'pip';
  expect(plans.at(2)).toHaveLength(2);
  expect(plans.at(2)[0]).toBe(2);
});

/**
 * The mode `presentation`: shared screens large, people in a strip. Without a screen: `speaker`.
 */
import type { Rect } from '../../protocol/tile-geometry.js';
import { evenDown } from '../../protocol/tile-geometry.js';
import { alignedWidth } from './aligned-width.js';
import { type Layout, type LayoutCanvas, placeInOrder } from './layout.js';
import { speaker } from './speaker.js';
import { STRIP_TILES, stageAndStrip } from './stage-and-strip.js';

/** Screens that are shown at once. */
const MAX_SCREENS = 2;

export const presentation: Layout = (input) => {
  const screens = input.screens(MAX_SCREENS);
  if (screens.length === 0) return speaker(input);
  const people = input.sources.filter(({ kind }) => kind === 'camera').map(({ id }) => id);
  const strip = input.slots.strip(people, STRIP_TILES);
  const rects = presentationRects(screens.length, strip.length, input.canvas);
  return placeInOrder(input, [...screens, ...strip], rects);
};

/**
 * Screens side by side (one above the other on a canvas that is higher than wide), then the strip.
 * @param people those that find no room in the strip have no rectangle.
 */
export function presentationRects(screens: number, people: number, canvas: LayoutCanvas): Rect[] {
  const { stage, strip } = stageAndStrip(Math.min(people, STRIP_TILES), canvas);
  const { width, height, gap } = canvas;
  const isRow = width >= height;
  const each = {
    width: isRow ? alignedWidth((stage.width - (screens - 1) * gap) / screens) : stage.width,
    height: isRow ? stage.height : evenDown((stage.height - (screens - 1) * gap) / screens),
  };
  const large = Array.from({ length: screens }, (_, index) => ({
    x: stage.x + (isRow ? index * (each.width + gap) : 0),
    y: stage.y + (isRow ? 0 : index * (each.height + gap)),
    ...each,
  }));
  return [...large, ...strip];
}

/** The mode `spotlight`: the pinned sources alone, or the speaker alone. */
import { gridRects } from './grid.js';
import { type Layout, placeInOrder } from './layout.js';

export const spotlight: Layout = (input) => {
  const { pinned, large, canvas } = input;
  if (large === undefined) return [];
  const shown = pinned.length > 0 ? pinned : [large];
  return placeInOrder(input, shown, gridRects(shown.length, canvas), shown.length);
};

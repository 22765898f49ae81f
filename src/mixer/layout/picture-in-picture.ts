/** The mode `pip`: one tile fills the canvas, a second one lies over its corner. */
import type { Rect } from '../../protocol/tile-geometry.js';
import { evenDown } from '../../protocol/tile-geometry.js';
import { alignedWidth } from './aligned-width.js';
import { gridRects } from './grid.js';
import { type Layout, type LayoutCanvas, placeInOrder } from './layout.js';

/** Share of the canvas' width that the small tile takes. */
const INSET_SHARE = 0.25;
const ASPECT = 16 / 9;

export const pictureInPicture: Layout = (input) => {
  const line = input.line();
  const placements = placeInOrder(input, line, pictureInPictureRects(line.length, input.canvas), 1);
  return placements.map((placement, index) => ({ ...placement, z: index }));
};

/** The tile that fills the canvas, then the small one; any others have no rectangle. */
export function pictureInPictureRects(count: number, canvas: LayoutCanvas): Rect[] {
  const { width, height, gap } = canvas;
  if (count <= 1) return gridRects(count, canvas);
  const insetWidth = alignedWidth(width * INSET_SHARE);
  const insetHeight = evenDown(Math.min(insetWidth / ASPECT, height * INSET_SHARE * 1.5));
  const inset = {
    x: evenDown(width - insetWidth - 2 * gap),
    y: evenDown(height - insetHeight - 2 * gap),
    width: insetWidth,
    height: insetHeight,
  };
  return [{ x: 0, y: 0, width, height }, inset];
}

/** The mode `speaker`: one large tile and a strip of the others. */
import type { Rect } from '../../protocol/tile-geometry.js';
import { evenDown } from '../../protocol/tile-geometry.js';
import { alignedWidth } from './aligned-width.js';
import { gridRects } from './grid.js';
import { type Layout, type LayoutCanvas, placeInOrder } from './layout.js';
import { STRIP_TILES, stageAndStrip } from './stage-and-strip.js';

const ASPECT = 16 / 9;

export const speaker: Layout = (input) => {
  const line = input.line();
  return placeInOrder(input, line, speakerRects(line.length, input.canvas), 1);
};

/**
 * The large tile first, then the strip. One tile alone fills the canvas.
 * @param count all tiles; those that find no room in the strip have no rectangle.
 */
export function speakerRects(count: number, canvas: LayoutCanvas): Rect[] {
  if (count <= 1) return gridRects(count, canvas);
  const { stage, strip } = stageAndStrip(Math.min(count - 1, STRIP_TILES), canvas);
  if (canvas.width < canvas.height) return [stage, ...strip];
  const width = alignedWidth(Math.min(stage.width, stage.height * ASPECT));
  const large = { ...stage, x: evenDown((canvas.width - width) / 2), width };
  return [large, ...strip];
}

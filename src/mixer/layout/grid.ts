/** The mode `grid`: equal tiles for everybody. */
import type { Rect } from '../../protocol/tile-geometry.js';
import { evenDown } from '../../protocol/tile-geometry.js';
import { alignedWidth } from './aligned-width.js';
import { type Layout, type LayoutCanvas, placeInOrder } from './layout.js';

/** Range of a tile's aspect ratio; cameras between 4:3 and 16:9 are cropped least. */
const MIN_ASPECT = 4 / 3;
const MAX_ASPECT = 16 / 9;
export const MAX_TILES = 49;

export const grid: Layout = (input) =>
  placeInOrder(input, input.grid, gridRects(input.grid.length, input.canvas));

/** Size of each tile in a grid of `columns` x `rows`. */
function tileSize(canvas: LayoutCanvas, columns: number, rows: number, gap: number) {
  const cellWidth = (canvas.width - gap * (columns + 1)) / columns;
  const cellHeight = (canvas.height - gap * (rows + 1)) / rows;
  const aspect = Math.min(MAX_ASPECT, Math.max(MIN_ASPECT, cellWidth / cellHeight));
  const fitted = Math.min(cellWidth, cellHeight * aspect);
  const width = alignedWidth(fitted);
  const height = Math.max(2, evenDown(Math.min(cellHeight, width / MIN_ASPECT, fitted / aspect)));
  return { width, height };
}

/**
 * Rectangles for `count` tiles (1 to 49) in reading order: the grid with the largest tiles, its
 * last row centred. One tile fills the canvas. The gap shrinks as the grid grows. All coordinates
 * are even, widths multiples of TILE_WIDTH_ALIGN.
 */
export function gridRects(count: number, canvas: LayoutCanvas): Rect[] {
  if (count <= 0) return [];
  if (count === 1) return [{ x: 0, y: 0, width: canvas.width, height: canvas.height }];
  const tiles = Math.min(count, MAX_TILES);
  let best = { columns: 1, rows: tiles, width: 0, height: 0, gap: 0 };
  for (let columns = 1; columns <= tiles; columns++) {
    const rows = Math.ceil(tiles / columns);
    const gap = evenDown(canvas.gap / Math.max(1, Math.max(columns, rows) / 2));
    const size = tileSize(canvas, columns, rows, gap);
    if (size.width * size.height > best.width * best.height) best = { columns, rows, ...size, gap };
  }
  const { columns, rows, width, height, gap } = best;
  const totalHeight = rows * height + (rows - 1) * gap;
  const top = evenDown((canvas.height - totalHeight) / 2);
  const rects: Rect[] = [];
  for (let row = 0; row < rows; row++) {
    const inRow = Math.min(columns, tiles - row * columns);
    const totalWidth = inRow * width + (inRow - 1) * gap;
    const left = evenDown((canvas.width - totalWidth) / 2);
    for (let column = 0; column < inRow; column++) {
      rects.push({
        x: left + column * (width + gap),
        y: top + row * (height + gap),
        width,
        height,
      });
    }
  }
  return rects;
}

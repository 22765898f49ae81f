import type { Rect } from '../../protocol/tile-geometry.js';
import { evenDown, TILE_WIDTH_ALIGN } from '../../protocol/tile-geometry.js';

/** Tiles may be this wide for their height; between them the pictures are cropped least. */
const MIN_ASPECT = 4 / 3;
const MAX_ASPECT = 16 / 9;
export const MAX_TILES = 49;

export interface GridOptions {
  readonly width: number;
  readonly height: number;
  /** Space between tiles and around them, in pixels; halved as often as the grid doubles. */
  readonly gap: number;
}

/** Size of each of `columns` x `rows` tiles; width a multiple of what the scaler writes. */
function tileSize(options: GridOptions, columns: number, rows: number, gap: number) {
  const cellWidth = (options.width - gap * (columns + 1)) / columns;
  const cellHeight = (options.height - gap * (rows + 1)) / rows;
  const aspect = Math.min(MAX_ASPECT, Math.max(MIN_ASPECT, cellWidth / cellHeight));
  const fitted = Math.min(cellWidth, cellHeight * aspect);
  const width = Math.max(
    TILE_WIDTH_ALIGN,
    Math.floor(fitted / TILE_WIDTH_ALIGN) * TILE_WIDTH_ALIGN,
  );
  const height = Math.max(2, evenDown(Math.min(cellHeight, width / MIN_ASPECT, fitted / aspect)));
  return { width, height };
}

/**
 * Rectangles for `count` tiles (1 to 49) in reading order: the grid with the largest tiles, the last
 * row centred. One tile fills the canvas. All coordinates are even, widths multiples of 16.
 */
export function gridLayout(count: number, options: GridOptions): Rect[] {
  if (count <= 0) return [];
  if (count === 1) return [{ x: 0, y: 0, width: options.width, height: options.height }];
  const tiles = Math.min(count, MAX_TILES);
  let best = { columns: 1, rows: tiles, width: 0, height: 0, gap: 0 };
  for (let columns = 1; columns <= tiles; columns++) {
    const rows = Math.ceil(tiles / columns);
    const gap = evenDown(options.gap / Math.max(1, Math.max(columns, rows) / 2));
    const size = tileSize(options, columns, rows, gap);
    if (size.width * size.height > best.width * best.height) best = { columns, rows, ...size, gap };
  }
  const { columns, rows, width, height, gap } = best;
  const totalHeight = rows * height + (rows - 1) * gap;
  const top = evenDown((options.height - totalHeight) / 2);
  const rects: Rect[] = [];
  for (let row = 0; row < rows; row++) {
    const inRow = Math.min(columns, tiles - row * columns);
    const totalWidth = inRow * width + (inRow - 1) * gap;
    const left = evenDown((options.width - totalWidth) / 2);
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

/** The part of a source that fills a tile without distortion, centred; even coordinates. */
export function cropToFill(
  source: { width: number; height: number },
  tile: { width: number; height: number },
): Rect {
  const scale = Math.min(source.width / tile.width, source.height / tile.height);
  const width = Math.max(2, evenDown(Math.min(source.width, tile.width * scale)));
  const height = Math.max(2, evenDown(Math.min(source.height, tile.height * scale)));
  return {
    x: evenDown((source.width - width) / 2),
    y: evenDown((source.height - height) / 2),
    width,
    height,
  };
}

/** Where a whole source fits into a tile without distortion, centred; width a multiple of 16. */
export function fitInside(source: { width: number; height: number }, tile: Rect): Rect {
  const scale = Math.min(tile.width / source.width, tile.height / source.height);
  const width = Math.max(
    TILE_WIDTH_ALIGN,
    Math.floor((source.width * scale) / TILE_WIDTH_ALIGN + 0.25) * TILE_WIDTH_ALIGN,
  );
  const clamped = Math.min(width, tile.width);
  const height = Math.max(
    2,
    evenDown(Math.min(tile.height, (clamped * source.height) / source.width)),
  );
  return {
    x: tile.x + evenDown((tile.width - clamped) / 2),
    y: tile.y + evenDown((tile.height - height) / 2),
    width: clamped,
    height,
  };
}

/** How a picture of any shape fills a tile. Pure geometry in pixels. */
import type { Rect } from '../../protocol/tile-geometry.js';
import { evenDown, TILE_WIDTH_ALIGN } from '../../protocol/tile-geometry.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The part of a picture that fills a tile without distortion, centred; even coordinates. */
export function cropToFill(source: Size, tile: Size): Rect {
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

/**
 * Where a whole picture fits into a tile without distortion, centred; the width is a multiple of
 * TILE_WIDTH_ALIGN.
 */
export function fitInside(source: Size, tile: Rect): Rect {
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

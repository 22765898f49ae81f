import { expect, test } from 'vitest';
import { Picture } from '../../../../src/codecs/ffmpeg/picture.js';
import { Scaler } from '../../../../src/codecs/ffmpeg/scaler.js';
import { cropToFill } from '../../../../src/mixer/tiles/picture-fit.js';
import type { Rect } from '../../../../src/protocol/tile-geometry.js';

const GREY: [number, number, number] = [60, 128, 128];

/** Dark, with a light square whose middle is the middle of the picture, and one at its upper left. */
function target(width: number, height: number): Picture {
  const picture = Picture.allocate(width, height);
  picture.fill({ x: 0, y: 0, width, height }, [20, 128, 128]);
  const side = Math.round(height / 8) * 2;
  const middle = { x: (width - side) / 2, y: (height - side) / 2 };
  picture.fill({ x: middle.x & ~1, y: middle.y & ~1, width: side, height: side }, [220, 100, 160]);
  return picture;
}

const lumaAt = ({ planes, strides }: Picture, x: number, y: number) =>
  (planes[0] as Buffer)[y * (strides[0] as number) + x] as number;

/** Edges of what is light in a row and a column through the middle of a rectangle. */
function edges(canvas: Picture, { x, y, width, height }: Rect): number[] {
  const row = Array.from(
    { length: width },
    (_, i) => lumaAt(canvas, x + i, y + (height >> 1)) > 120,
  );
  const column = Array.from(
    { length: height },
    (_, i) => lumaAt(canvas, x + (width >> 1), y + i) > 120,
  );
  return [row.indexOf(true), row.lastIndexOf(true), column.indexOf(true), column.lastIndexOf(true)];
}

for (const [name, source, tile] of [
  ['shrunk, of nearly the same shape', [1280, 720], { x: 8, y: 8, width: 304, height: 168 }],
  ['shrunk, cut to a square', [1280, 720], { x: 40, y: 100, width: 208, height: 208 }],
  ['shrunk, cut to a column', [640, 360], { x: 400, y: 20, width: 112, height: 320 }],
  ['enlarged', [320, 180], { x: 16, y: 16, width: 592, height: 320 }],
  ['of odd size', [639, 359], { x: 100, y: 50, width: 304, height: 170 }],
] as const) {
  test(`a picture is where it belongs: ${name}`, async () => {
    const [width, height] = source;
    using picture = target(width, height);
    using canvas = Picture.allocate(640, 368);
    canvas.fill({ x: 0, y: 0, width: 640, height: 368 }, GREY);
    using scaler = new Scaler();
    const { width: tileWidth, height: tileHeight } = tile;
    const crop = cropToFill(picture, { width: tileWidth, height: tileHeight });
    await scaler.scale(picture, crop, canvas, tile);
    const scale = Math.max(tile.width / width, tile.height / height);
    const half = (Math.round(height / 8) * 2 * scale) / 2;
    const [left, right, top, bottom] = edges(canvas, tile) as [number, number, number, number];
    expect(Math.abs(left - (tile.width / 2 - half))).toBeLessThan(3);
    expect(Math.abs(right - (tile.width / 2 + half))).toBeLessThan(3);
    expect(Math.abs(top - (tile.height / 2 - half))).toBeLessThan(3);
    expect(Math.abs(bottom - (tile.height / 2 + half))).toBeLessThan(3);
    // Nothing beside the tile was touched, in any plane.
    for (let plane = 0; plane < 3; plane++) {
      const shift = plane === 0 ? 0 : 1;
      const [data, stride] = [canvas.planes[plane] as Buffer, canvas.strides[plane] as number];
      for (let y = 0; y < 368 >> shift; y++) {
        for (let x = 0; x < 640 >> shift; x++) {
          const [px, py] = [x << shift, y << shift];
          const inside =
            px >= tile.x && px < tile.x + tile.width && py >= tile.y && py < tile.y + tile.height;
          const value = data[y * stride + x] as number;
          if (!inside && value !== GREY[plane]) {
            throw new Error(`plane ${plane} has ${value} at ${px}, ${py}`);
          }
        }
      }
    }
  });
}

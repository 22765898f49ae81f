import { expect, test } from 'vitest';
import { gridRects } from '../../../../src/mixer/layout/grid.js';

const canvases = [
  { width: 1280, height: 720, gap: 8 },
  { width: 320, height: 180, gap: 8 },
  { width: 720, height: 1280, gap: 8 },
  { width: 1920, height: 1080, gap: 8 },
];

test.each(canvases)(
  '1 to 49 tiles on $width x $height: inside, apart, aligned, as large as can be',
  (canvas) => {
    for (let count = 1; count <= 49; count++) {
      const rects = gridRects(count, canvas);
      expect(rects).toHaveLength(count);
      for (const [index, a] of rects.entries()) {
        expect(a.x % 2 || a.y % 2 || a.width % 16 || a.height % 2).toBe(0);
        expect(
          a.x >= 0 && a.y >= 0 && a.x + a.width <= canvas.width && a.y + a.height <= canvas.height,
        ).toBe(true);
        for (const b of rects.slice(index + 1)) {
          const apart =
            a.x + a.width <= b.x ||
            b.x + b.width <= a.x ||
            a.y + a.height <= b.y ||
            b.y + b.height <= a.y;
          expect(apart, `${count} tiles`).toBe(true);
        }
      }
    }
  },
);

test('one fills the canvas; the last row is centred', () => {
  expect(gridRects(1, canvases[0] as never)).toEqual([{ x: 0, y: 0, width: 1280, height: 720 }]);
  const [first, second, third] = gridRects(3, canvases[0] as never);
  expect(third?.y).toBeGreaterThan(first?.y ?? 0);
  const middle = (third?.x ?? 0) + (third?.width ?? 0) / 2;
  expect(Math.abs(middle - 640)).toBeLessThanOrEqual(2);
  expect(second?.x).toBeGreaterThan(first?.x ?? 0);
});

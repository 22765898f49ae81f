/** Labels: what is drawn, and that blending it is exact. */
import { expect, test } from 'vitest';
import { Bitmap } from '../../../../src/codecs/ffmpeg/bitmap.js';
import { Picture } from '../../../../src/codecs/ffmpeg/picture.js';
import { drawLabel, type LabelContent } from '../../../../src/mixer/tiles/tile-label.js';

const TILE = { width: 640, height: 360 };

function lumaOf(bitmap: Bitmap, background: number): number[][] {
  using picture = Picture.allocate(bitmap.width, bitmap.height);
  const { width, height } = bitmap;
  picture.fill({ x: 0, y: 0, width, height }, [background, 128, 128]);
  bitmap.blendInto(picture, 0, 0);
  const [plane] = picture.planes as [Buffer];
  const [stride = 0] = picture.strides;
  return Array.from({ length: height }, (_, row) => [
    ...plane.subarray(row * stride, row * stride + width),
  ]);
}

test('transparent, half transparent and opaque pixels are blended', () => {
  const rgba = Buffer.alloc(4 * 2 * 4);
  for (let at = 0; at < 8; at++) {
    const column = at % 4;
    // White: transparent, half, opaque, opaque black.
    rgba.set(column === 3 ? [0, 0, 0, 255] : [255, 255, 255, [0, 128, 255][column] ?? 0], at * 4);
  }
  const bitmap = Bitmap.fromRgba(rgba, 4, 2);
  for (const background of [16, 100, 235]) {
    for (const row of lumaOf(bitmap, background)) {
      const [none = 0, half = 0, all = 0, black = 0] = row;
      expect(none).toBe(background);
      expect(Math.abs(half - (background * 127 + 235 * 128) / 255)).toBeLessThanOrEqual(1);
      expect(Math.abs(all - 235)).toBeLessThanOrEqual(1);
      expect(black).toBe(16);
    }
  }
});

test('it writes nothing outside of itself', () => {
  const bitmap = drawLabel({ name: 'Ada', muted: true, trouble: true, screen: false }, TILE);
  using picture = Picture.allocate(TILE.width, TILE.height);
  picture.fill({ x: 0, y: 0, ...TILE }, [77, 99, 111]);
  const [x, y] = [40, 60];
  bitmap.blendInto(picture, x, y);
  for (const [index, plane] of picture.planes.slice(0, 3).entries()) {
    const shift = index === 0 ? 0 : 1;
    const stride = picture.strides[index] as number;
    const [left, top] = [x >> shift, y >> shift];
    const [right, bottom] = [left + (bitmap.width >> shift), top + (bitmap.height >> shift)];
    for (let row = 0; row < TILE.height >> shift; row++) {
      for (let column = 0; column < TILE.width >> shift; column++) {
        if (row >= top && row < bottom && column >= left && column < right) continue;
        if (plane[row * stride + column] !== [77, 99, 111][index]) {
          expect.fail(`plane ${index} was written at ${column}, ${row}`);
        }
      }
    }
  }
});

test('a label fits its tile, whatever the name; marks make it wider', () => {
  const label = (content: Partial<LabelContent>, tile = TILE) =>
    drawLabel({ name: 'Ada', muted: false, trouble: false, screen: false, ...content }, tile);
  for (const name of ['Ada', 'x'.repeat(64), '王小明'.repeat(20), 'أحمد', '👩‍👩‍👧 Zoë']) {
    for (const tile of [TILE, { width: 160, height: 90 }, { width: 1280, height: 720 }]) {
      const { width, height } = label({ name, muted: true, trouble: true }, tile);
      expect([width % 2, height % 2]).toEqual([0, 0]);
      expect(width).toBeLessThanOrEqual(tile.width * 0.8 + 2);
      expect(height).toBeLessThan(tile.height / 4);
    }
  }
  const plain = label({}).width;
  expect(label({ muted: true }).width).toBeGreaterThan(plain);
  expect(label({ muted: true, trouble: true }).width).toBeGreaterThan(label({ muted: true }).width);
  // White letters on a dark ground, on white too.
  const luma = lumaOf(label({}), 235).flat();
  expect(Math.max(...luma)).toBeGreaterThan(225);
  expect(luma.filter((value) => value < 130).length).toBeGreaterThan(luma.length / 3);
});

test('every script is drawn with a font of the package, not as boxes', () => {
  const maskOf = (name: string) => {
    const bitmap = drawLabel({ name, muted: false, trouble: false, screen: false }, TILE);
    return lumaOf(bitmap, 16).map((row) => row.map((value) => (value > 120 ? '#' : ' ')).join(''));
  };
  const box = maskOf('\u{10fffe}').join('\n');
  const pairs = ['Aß', 'Жд', 'Ωλ', '王明', '臺國', 'あカ', '김준', 'شم', 'אם', 'अम', 'กข', '🙂👋'];
  for (const pair of pairs) {
    const [first, second] = [...pair].map((one) => maskOf(one).join('\n')) as [string, string];
    expect([pair, first === box, second === box, first === second]).toEqual([
      pair,
      false,
      false,
      false,
    ]);
    expect([pair, first.includes('###')]).toEqual([pair, true]);
  }
  // A sequence is one picture.
  const family = drawLabel({ name: '👩‍👩‍👧', muted: false, trouble: false, screen: false }, TILE);
  const one = drawLabel({ name: '🙂', muted: false, trouble: false, screen: false }, TILE);
  expect(Math.abs(family.width - one.width)).toBeLessThan(6);
});

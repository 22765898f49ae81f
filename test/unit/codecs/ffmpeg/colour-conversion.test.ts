/** Pictures of other colour spaces come out in the canvas' own. */
import { expect, test } from 'vitest';
import { convertColours } from '../../../../src/codecs/ffmpeg/colour-conversion.js';
import { Picture } from '../../../../src/codecs/ffmpeg/picture.js';
import { BT601, type ColourSpace, parseColourSpace } from '../../../../src/rtp/colour-space.js';

const WEIGHTS = { bt601: [0.299, 0.587, 0.114], bt709: [0.2126, 0.7152, 0.0722] } as const;

/** A colour as samples of a space, as the standards define them. */
function samplesOf(rgb: readonly number[], { matrix, fullRange }: ColourSpace) {
  const [kr, kg, kb] = WEIGHTS[matrix];
  const [r = 0, g = 0, b = 0] = rgb.map((value) => value / 255);
  const y = kr * r + kg * g + kb * b;
  const [u, v] = [(b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))];
  const scaled = fullRange
    ? [255 * y, 128 + 255 * u, 128 + 255 * v]
    : [16 + 219 * y, 128 + 224 * u, 128 + 224 * v];
  return scaled.map(Math.round) as [number, number, number];
}

const COLOURS = [
  [0, 0, 0],
  [255, 255, 255],
  [128, 128, 128],
  [30, 160, 40],
  [200, 30, 30],
  [40, 60, 210],
  [250, 240, 20],
];

test('every colour of every space is the same colour afterwards, and nothing beside it changes', () => {
  for (const matrix of ['bt601', 'bt709'] as const) {
    for (const fullRange of [false, true]) {
      const space = { matrix, fullRange };
      for (const colour of COLOURS) {
        using picture = Picture.allocate(64, 32);
        picture.fill({ x: 0, y: 0, width: 64, height: 32 }, samplesOf(colour, space));
        convertColours(picture, { x: 16, y: 8, width: 32, height: 16 }, space);
        const at = (x: number, y: number) =>
          picture.planes.slice(0, 3).map((plane, index) => {
            const shift = index === 0 ? 0 : 1;
            return plane[(y >> shift) * (picture.strides[index] as number) + (x >> shift)] ?? -1;
          });
        const wanted = samplesOf(colour, BT601);
        for (const [x, y] of [
          [16, 8],
          [47, 23],
          [30, 15],
        ] as const) {
          for (const [index, value] of at(x, y).entries()) {
            expect(
              Math.abs(value - (wanted[index] ?? 0)),
              `${matrix} ${fullRange} ${colour}`,
            ).toBeLessThanOrEqual(2);
          }
        }
        for (const [x, y] of [
          [15, 8],
          [16, 7],
          [48, 10],
          [20, 24],
        ] as const) {
          expect(at(x, y)).toEqual(samplesOf(colour, space));
        }
      }
    }
  }
});

test('the colour space extension is read with and without HDR data, and not beyond its end', () => {
  expect(parseColourSpace(Buffer.from([1, 1, 1, 0x20]))).toEqual({
    matrix: 'bt709',
    fullRange: true,
  });
  expect(parseColourSpace(Buffer.from([1, 1, 1, 0x1a]))).toEqual({
    matrix: 'bt709',
    fullRange: false,
  });
  expect(parseColourSpace(Buffer.from([6, 6, 6, 0x10]))).toEqual(BT601);
  expect(parseColourSpace(Buffer.alloc(28, 1))).toMatchObject({ matrix: 'bt709' });
  expect(parseColourSpace(Buffer.from([1, 1, 1]))).toBeUndefined();
});

import { expect } from 'vitest';
import { gridRects } from '../../src/mixer/layout/grid.js';
import type { Region } from './browser.js';
import { COLOURS, type ColourName } from './fixtures.js';

const [WIDTH, HEIGHT] = [1280, 720];

/** Where tile `index` of `count` lies in the default composite. */
export function tile(index: number, count: number): Region {
  const rect = gridRects(count, { width: WIDTH, height: HEIGHT, gap: 8 })[index];
  if (!rect) throw new Error(`no tile ${index} of ${count}`);
  return {
    x: rect.x / WIDTH,
    y: rect.y / HEIGHT,
    width: rect.width / WIDTH,
    height: rect.height / HEIGHT,
  };
}

/** Whether a colour that went through two codecs is the one named, and none of the others. */
export function isColour(rgb: readonly number[], name: ColourName): boolean {
  const distance = (to: ColourName) =>
    Math.hypot(...COLOURS[to].map((value, i) => value - (rgb[i] as number)));
  return distance(name) < 25;
}

export function expectColour(rgb: readonly number[], name: ColourName): void {
  expect(isColour(rgb, name), `rgb(${rgb.join(', ')}) is ${name}`).toBe(true);
}

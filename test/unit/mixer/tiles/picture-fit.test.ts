import { expect, test } from 'vitest';
import { cropToFill, fitInside } from '../../../../src/mixer/tiles/picture-fit.js';

test('cropping and fitting keep the aspect and stay centred', () => {
  expect(cropToFill({ width: 640, height: 480 }, { width: 1280, height: 720 })).toEqual({
    x: 0,
    y: 60,
    width: 640,
    height: 360,
  });
  expect(cropToFill({ width: 360, height: 640 }, { width: 640, height: 480 })).toEqual({
    x: 0,
    y: 184,
    width: 360,
    height: 270,
  });
  const fitted = fitInside({ width: 360, height: 640 }, { x: 100, y: 50, width: 640, height: 480 });
  expect(fitted.width % 16).toBe(0);
  expect(Math.abs(fitted.width / fitted.height - 360 / 640)).toBeLessThan(0.03);
  expect(fitted.x + fitted.width / 2).toBe(100 + 320);
});

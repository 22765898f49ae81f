import { expect, test } from 'vitest';
import { DecoderSavings } from '../../../../src/mixer/video/decoder-savings.js';

const FRAME = 33_333;
const HD = { width: 1280, height: 720 };

function arrivals(savings: DecoderSavings, interval: number, from = 1_000_000): void {
  for (let n = 0; n < 60; n++) savings.frameArrived(from + n * interval);
}

test('frames that no other needs are left out when the tile is redrawn at half their rate', () => {
  const savings = new DecoderSavings();
  expect(savings.update(HD, HD, 200_000)).toBe(false);
  arrivals(savings, FRAME);
  expect(savings.update(HD, HD, FRAME)).toBe(false);
  expect(savings.update(HD, HD, 2 * FRAME)).toBe(true);
  expect([savings.skipsFrames, savings.skipsFilter]).toEqual([true, false]);
  expect(savings.update(HD, HD, 2 * FRAME)).toBe(false);
  expect(savings.update(HD, HD, FRAME)).toBe(true);
  expect(savings.skipsFrames).toBe(false);
});

test('blocks are left unsmoothed in a tile that is much smaller than the picture', () => {
  const savings = new DecoderSavings();
  expect(savings.update(undefined, { width: 320, height: 180 }, FRAME)).toBe(false);
  expect(savings.update(HD, { width: 1024, height: 576 }, FRAME)).toBe(false);
  expect(savings.update(HD, { width: 640, height: 360 }, FRAME)).toBe(true);
  expect(savings.skipsFilter).toBe(true);
  // Without a tile there is nothing to compare with.
  expect(savings.update(HD, undefined, FRAME)).toBe(true);
  expect(savings.skipsFilter).toBe(false);
});

test('the pause of a camera that went off is not an interval', () => {
  const savings = new DecoderSavings();
  arrivals(savings, FRAME);
  savings.reset();
  arrivals(savings, FRAME, 60_000_000);
  expect(savings.update(HD, HD, 2 * FRAME)).toBe(true);
});

import { expect, test } from 'vitest';
import type { SourceId } from '../../../../src/link/link-messages.js';
import { PixelBudget } from '../../../../src/mixer/video/pixel-budget.js';

const SECOND = 1_000_000;
const PHONE = 640 * 360;
const UHD = 3840 * 2160;

/** Sends for some seconds. @returns the shares at the end of each. */
function run(budget: PixelBudget, seconds: number, senders: [SourceId, number, number][]) {
  const shares: string[][] = [];
  budget.tick(from);
  for (let i = 0; i < seconds; i++) {
    for (const [id, pixels, fps] of senders) {
      for (let n = 0; n < fps; n++) budget.arrived(id, pixels);
    }
    from += SECOND;
    budget.tick(from);
    shares.push(senders.map(([id]) => budget.shareOf(id)));
  }
  return shares;
}
let from = 0;

test('a 4K sender at 60 fps loses frames, phones beside it none', () => {
  const budget = new PixelBudget({ source: 300e6, room: 600e6 });
  const phones: [SourceId, number, number][] = [2, 3, 4].map((id) => [id, PHONE, 30]);
  expect(run(budget, 1, [[1, UHD, 60], ...phones])).toEqual([['references', 'all', 'all', 'all']]);
  const strict = new PixelBudget({ source: 140e6, room: 600e6 });
  expect(run(strict, 1, [[1, UHD, 60], ...phones])).toEqual([['keyframes', 'all', 'all', 'all']]);
});

test('the budget of the room goes to those who need little first', () => {
  const budget = new PixelBudget({ source: 1e9, room: 100e6 });
  const shares = run(budget, 1, [
    [1, PHONE, 30],
    [2, 1280 * 720, 60],
    [3, 1280 * 720, 60],
    [4, UHD, 30],
  ]);
  expect(shares).toEqual([['all', 'references', 'references', 'keyframes']]);
});

test('a sender who comes back within the budget gets more after five seconds, not at once', () => {
  const budget = new PixelBudget({ source: 140e6, room: 600e6 });
  run(budget, 2, [[1, UHD, 60]]);
  const shares = run(budget, 6, [[1, PHONE, 30]]);
  expect(shares.map(([share]) => share)).toEqual([
    ...Array(4).fill('keyframes'),
    ...Array(2).fill('all'),
  ]);
});

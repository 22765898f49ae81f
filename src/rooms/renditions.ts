import type { Rendition } from '../link/link-messages.js';

/** Sizes of the smaller renditions against the first: a half and a quarter of each side. */
const DIVISORS = [1, 2, 4] as const;
/** Their share of its bitrate: 1.8 Mbit/s, 600 and 150 kbit/s. */
const BITRATE_SHARES = [1, 1 / 3, 1 / 12] as const;
/** The encoders' and the scaler's smallest step. */
const WIDTH_STEP = 16;
const MIN_WIDTH = 160;
const MIN_HEIGHT = 90;

/** The renditions of a composite, best first; the smallest at half the frame rate. */
export function renditionLadder(best: Rendition): Rendition[] {
  const ladder: Rendition[] = [];
  for (const [index, divisor] of DIVISORS.entries()) {
    const width = Math.round(best.width / divisor / WIDTH_STEP) * WIDTH_STEP;
    const height = Math.round(best.height / divisor / 2) * 2;
    if (index > 0 && (width < MIN_WIDTH || height < MIN_HEIGHT)) break;
    ladder.push({
      width,
      height,
      frameRate: divisor === 4 ? Math.max(5, best.frameRate / 2) : best.frameRate,
      bitrateBps: Math.max(50_000, Math.round(best.bitrateBps * (BITRATE_SHARES[index] as number))),
    });
  }
  return ladder;
}

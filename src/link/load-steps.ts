/** How a room's video is reduced when the machine is overloaded. Audio never is. */
import type { Micros } from '../util/units.js';

/**
 * Load control takes these steps one after the other, the least visible first:
 * `late_tiles`: tiles that there is no time to draw keep their picture until a later tick;
 * `frame_rate_20`, `frame_rate_15`: that many ticks a second;
 * `fewer_renditions`: the best rendition is not encoded any more;
 * `listeners_5`: tiles of people who do not speak are redrawn five times a second.
 */
export const LOAD_STEPS = [
  'late_tiles',
  'frame_rate_20',
  'frame_rate_15',
  'fewer_renditions',
  'listeners_5',
] as const;
export type LoadStep = (typeof LOAD_STEPS)[number];

/** Least time between two pictures of somebody who does not speak, at `listeners_5`. */
export const LISTENER_INTERVAL: Micros = 200_000;

/** What the choice of steps depends on. */
export interface LoadControlledVideo {
  readonly frameRate: number;
  readonly renditions: readonly { readonly stills?: boolean }[];
}

/** The steps that make a difference to a room, in their order; load level n takes the first n. */
export function loadSteps({ frameRate, renditions }: LoadControlledVideo): LoadStep[] {
  const moving = renditions.filter(({ stills }) => !stills);
  return LOAD_STEPS.filter((step) => {
    if (step === 'frame_rate_20') return frameRate > 20;
    if (step === 'frame_rate_15') return frameRate > 15;
    return step !== 'fewer_renditions' || moving.length > 1;
  });
}

/** Ticks a second with these steps taken. */
export function reducedFrameRate(frameRate: number, steps: readonly LoadStep[]): number {
  if (steps.includes('frame_rate_15')) return Math.min(frameRate, 15);
  return steps.includes('frame_rate_20') ? Math.min(frameRate, 20) : frameRate;
}

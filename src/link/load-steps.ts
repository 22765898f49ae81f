/** How a room's picture gives way when the machine has too little for it. Sound never does. */
import type { Micros } from '../util/units.js';

/**
 * One after the other, the least noticed first:
 * `late_tiles`: tiles that there is no time for keep their picture until the next tick;
 * `frame_rate_20`, `frame_rate_15`: ticks a second;
 * `fewer_renditions`: the best rendition is not encoded any more;
 * `listeners_5`: who does not speak is shown five times a second.
 */
export const LOAD_STEPS = [
  'late_tiles',
  'frame_rate_20',
  'frame_rate_15',
  'fewer_renditions',
  'listeners_5',
] as const;
export type LoadStep = (typeof LOAD_STEPS)[number];

/** Least time between two pictures of who does not speak, at `listeners_5`. */
export const LISTENER_INTERVAL: Micros = 200_000;

export interface BendablePicture {
  readonly frameRate: number;
  readonly renditions: readonly { readonly stills?: boolean }[];
}

/** The steps that make a difference to a room, in their order; level n is the first n of them. */
export function loadSteps({ frameRate, renditions }: BendablePicture): LoadStep[] {
  const moving = renditions.filter(({ stills }) => !stills);
  return LOAD_STEPS.filter((step) => {
    if (step === 'frame_rate_20') return frameRate > 20;
    if (step === 'frame_rate_15') return frameRate > 15;
    return step !== 'fewer_renditions' || moving.length > 1;
  });
}

/** Ticks a second with these steps taken. */
export function bentFrameRate(frameRate: number, steps: readonly LoadStep[]): number {
  if (steps.includes('frame_rate_15')) return Math.min(frameRate, 15);
  return steps.includes('frame_rate_20') ? Math.min(frameRate, 20) : frameRate;
}

/**
 * Lip-sync of one participant on their way in: says when each picture is to be shown so that it meets
 * the sound captured with it, and how much the sound is to be held when it is the picture that is late.
 * Works on differences of the sender's own clock (RTCP sender reports), so no clocks need agree.
 */

import { SlidingPercentile } from '../util/sliding-percentile.js';
import type { Micros } from '../util/units.js';

/** Neither side is held longer than this for the other. */
export const MAX_VIDEO_HOLD: Micros = 400_000;
export const MAX_AUDIO_HOLD: Micros = 200_000;
/** Pictures looked back on, 8 s at 30 fps, and how many of them are waited for. */
const WINDOW = 240;
const EVERY = 10;
const SHARE = 0.95;
/** Offsets under this are not heard or seen (ITU-R BT.1359 puts the threshold at +45/-125 ms). */
const TOLERANCE: Micros = 10_000;
const SMOOTHING = 0.05;
const NEW_TIMELINE: Micros = 500_000;
/** The hold changes by this per tick of sound at most: time scaling follows it unheard. */
const HOLD_STEP: Micros = 500;

export class AvSync {
  /** Smoothed: local time at which a sound is mixed, less its capture time. */
  private audioOffset = Number.NaN;
  /** The same for pictures, of one that took longer than most: a repair is not to be a freeze. */
  private readonly videoOffsets = new SlidingPercentile(WINDOW, EVERY, SHARE);
  private lastVideoOffset = Number.NaN;
  private hold: Micros = 0;

  /** A frame of sound captured at `captureMicros` (sender's clock, NaN if unknown) is mixed at `now`. */
  audioMixed(captureMicros: Micros, now: Micros): void {
    this.audioOffset = smooth(this.audioOffset, now - captureMicros);
  }

  /** When to show a picture that was decoded at `now`. */
  videoDue(captureMicros: Micros, now: Micros): Micros {
    const offset = now - captureMicros;
    // A step of over half a second is a new timeline; so is the first.
    if (!(Math.abs(offset - this.lastVideoOffset) < NEW_TIMELINE)) this.videoOffsets.reset();
    this.lastVideoOffset = offset;
    if (!Number.isNaN(offset)) this.videoOffsets.add(offset);
    if (Number.isNaN(offset) || Number.isNaN(this.audioOffset)) return now;
    const due = captureMicros + this.audioOffset;
    // Far off: the sender's clocks are not one timeline after all, or sound stopped long ago.
    return due > now + MAX_VIDEO_HOLD || due < now ? now : due;
  }

  /** Extra delay for the sound, so that it waits for a picture that takes longer. */
  get audioHold(): Micros {
    const late = this.videoOffsets.percentile - this.audioOffset;
    if (late > TOLERANCE && late <= MAX_VIDEO_HOLD) {
      this.hold = Math.min(MAX_AUDIO_HOLD, this.hold + HOLD_STEP);
    } else if (!(late >= -TOLERANCE && late <= TOLERANCE)) {
      // The picture is early, or nothing is known: no reason to hold the sound.
      this.hold = Math.max(0, this.hold - HOLD_STEP);
    }
    return this.hold;
  }
}

function smooth(before: number, value: number): number {
  // A step is a new timeline, not jitter; NaN is passed on.
  if (Number.isNaN(before) || Number.isNaN(value) || Math.abs(value - before) > NEW_TIMELINE)
    return value;
  return before + (value - before) * SMOOTHING;
}

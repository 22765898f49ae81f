/**
 * Lip-sync of one source: decides when to show each picture so that it meets the audio captured
 * with it, and how long to hold the audio when the picture is later. Uses only differences on the
 * sender's own clock (from RTCP sender reports), so that no two clocks have to agree. Pure.
 */

import { SlidingPercentile } from '../util/sliding-percentile.js';
import type { Micros } from '../util/units.js';

/** Neither video nor audio is held longer than this for the other. */
export const MAX_VIDEO_HOLD: Micros = 400_000;
export const MAX_AUDIO_HOLD: Micros = 200_000;
/**
 * Pictures that the lateness is measured over (8 s at 30 fps), and the share that is waited for.
 */
const WINDOW = 240;
const EVERY = 10;
const SHARE = 0.95;
/** Nobody notices an offset below this (ITU-R BT.1359 has a threshold of +45/-125 ms). */
const TOLERANCE: Micros = 10_000;
const SMOOTHING = 0.05;
/** An offset that changes by more than this belongs to a new timeline of the sender. */
const NEW_TIMELINE: Micros = 500_000;
/**
 * The hold changes by this per audio tick, at most: time scaling can follow without being heard.
 */
const HOLD_STEP: Micros = 500;

export class AvSync {
  /** Smoothed difference between the time at which audio is mixed and its capture time. */
  private audioOffset = Number.NaN;
  /**
   * The same for pictures. A high percentile, so that a picture that was repaired is in time, too.
   */
  private readonly videoOffsets = new SlidingPercentile(WINDOW, EVERY, SHARE);
  private lastVideoOffset = Number.NaN;
  private hold: Micros = 0;

  /** Audio captured at `captureMicros` (sender's clock; NaN if unknown) is mixed at `now`. */
  audioMixed(captureMicros: Micros, now: Micros): void {
    this.audioOffset = smooth(this.audioOffset, now - captureMicros);
  }

  /** When to show a picture that was decoded at `now`. */
  videoDue(captureMicros: Micros, now: Micros): Micros {
    const offset = now - captureMicros;
    // Also true for the first picture, whose predecessor is NaN.
    if (!(Math.abs(offset - this.lastVideoOffset) < NEW_TIMELINE)) this.videoOffsets.reset();
    this.lastVideoOffset = offset;
    if (!Number.isNaN(offset)) this.videoOffsets.add(offset);
    if (Number.isNaN(offset) || Number.isNaN(this.audioOffset)) return now;
    const due = captureMicros + this.audioOffset;
    // Far off: the sender's clocks are not one timeline, or the audio stopped long ago.
    return due > now + MAX_VIDEO_HOLD || due < now ? now : due;
  }

  /** Extra delay for the audio, so that it waits for a later picture. To be read once per tick. */
  get audioHold(): Micros {
    const late = this.videoOffsets.percentile - this.audioOffset;
    if (late > TOLERANCE && late <= MAX_VIDEO_HOLD) {
      this.hold = Math.min(MAX_AUDIO_HOLD, this.hold + HOLD_STEP);
    } else if (!(late >= -TOLERANCE && late <= TOLERANCE)) {
      // The picture is early, or nothing is known: no reason to hold the audio.
      this.hold = Math.max(0, this.hold - HOLD_STEP);
    }
    return this.hold;
  }
}

function smooth(before: number, value: number): number {
  // A large step is a new timeline, not jitter; NaN is passed on.
  if (Number.isNaN(before) || Number.isNaN(value) || Math.abs(value - before) > NEW_TIMELINE)
    return value;
  return before + (value - before) * SMOOTHING;
}

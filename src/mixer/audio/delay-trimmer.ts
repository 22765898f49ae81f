/**
 * Keeps a jitter buffer's delay near its target by time scaling: one pitch period is removed or
 * repeated at a time. All lengths are in samples per channel at 48 kHz.
 */
import { FRAME_SAMPLES } from '../../codecs/opus/opus.js';
import { accelerate, expand } from './time-scale.js';

/** The delay may be this far from its target before it is scaled. */
const SLACK_SAMPLES = 720;
/** Blocks from one scaled block to the next: scaling that often is not heard in speech. */
const BLOCKS_APART = 3;
const SMOOTHING = 0.1;

export interface DelayTrimmerCounters {
  audio_periods_removed: number;
  audio_periods_added: number;
}

export class DelayTrimmer {
  /** The smoothed delay. */
  delay = 0;
  private sinceScaled = 0;

  constructor(
    private readonly channels: number,
    private readonly counters: DelayTrimmerCounters,
  ) {}

  /** The delay jumped: play-out starts, or skips. */
  reset(delay: number): void {
    this.delay = delay;
  }

  /** To be called once per pull with the present delay. */
  update(delay: number): void {
    this.delay += (delay - this.delay) * SMOOTHING;
  }

  /** @returns the block, shortened or lengthened by a period if the delay is off its target. */
  trim(pcm: Float32Array, target: number): Float32Array {
    const { channels, counters } = this;
    this.sinceScaled++;
    if (pcm.length < FRAME_SAMPLES * channels || this.sinceScaled < BLOCKS_APART) return pcm;
    const excess = this.delay - target;
    let scaled = pcm;
    if (excess > SLACK_SAMPLES) {
      scaled = accelerate(pcm, channels);
      if (scaled !== pcm) counters.audio_periods_removed++;
    } else if (excess < -SLACK_SAMPLES) {
      scaled = expand(pcm, channels);
      if (scaled !== pcm) counters.audio_periods_added++;
    }
    if (scaled !== pcm) {
      this.sinceScaled = 0;
      this.delay += (scaled.length - pcm.length) / channels;
    }
    return scaled;
  }
}

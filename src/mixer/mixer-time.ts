/** Where the mixer takes its time from: the real clock, or a replay's. */
import { nowMicros } from '../util/clock.js';
import { Ticker } from '../util/ticker.js';
import type { Micros } from '../util/units.js';

/** Calls its tick at a fixed rate, one call at a time; see {@link Ticker}. */
export type MixerTicker = Pick<Ticker, 'start' | 'stop' | 'setInterval' | 'skipped'>;

export interface MixerTime {
  /** Monotonic microseconds. */
  now(): Micros;
  /**
   * @param interval microseconds from tick to tick; need not be whole.
   * @param maxBehind late ticks that are made up for before ticks are skipped.
   * @param tick given the time at which it is due.
   * @param failed takes what a tick throws.
   */
  ticker(
    interval: number,
    maxBehind: number,
    tick: (due: Micros) => void | Promise<void>,
    failed: (error: unknown) => void,
  ): MixerTicker;
}

export const REAL_TIME: MixerTime = {
  now: nowMicros,
  ticker: (interval, maxBehind, tick, failed) =>
    new Ticker(interval, maxBehind, nowMicros, tick, failed),
};

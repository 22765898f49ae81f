/**
 * How much delay a source's audio needs: the 95th percentile of how late its packets come relative to
 * the fastest of the last seconds (the idea of NetEQ's DelayManager, with a plain window in place of
 * its forgetting histogram). Pure; all times in microseconds.
 */

import { SlidingPercentile } from '../../util/sliding-percentile.js';
import type { Micros } from '../../util/units.js';

export const MIN_DELAY: Micros = 20_000;
export const MAX_DELAY: Micros = 200_000;
/** Packets looked back on: 8 s of 20 ms packets. */
const WINDOW = 400;
/** Redundancy older than two packets is not waited for. */
const MAX_REPEAT_AGE: Micros = 40_000;
/** Recomputed every so many packets. */
const EVERY = 10;
/** Room above the percentile: the mixer pulls at its own phase, one frame at a time. */
const MARGIN: Micros = 20_000;

/** Packets that came too late, again and again: so many times within WINDOW, and they are waited for. */
const LATE_EVENTS = 3;
/** Late packets closer together than this are one event. */
const LATE_APART: Micros = 500_000;

export class AudioDelayEstimator {
  private readonly transits = new SlidingPercentile(WINDOW, EVERY, 0.95);
  private repeatAge: Micros = 0;
  private packetsToRepeat = 0;
  private target: Micros = MIN_DELAY + MARGIN;
  private lateEvents: { at: Micros; packet: number; needed: Micros }[] = [];
  private packets = 0;

  /** @param mediaMicros the packet's unwrapped RTP time as microseconds, from any zero. */
  add(arrivalMicros: Micros, mediaMicros: Micros): void {
    this.packets++;
    if (this.packetsToRepeat > 0 && --this.packetsToRepeat === 0) this.repeatAge = 0;
    // Waiting for what was late goes on for as long as such packets come, though none is late now.
    if (this.forLate > 0 && this.neededFor(arrivalMicros, mediaMicros) > this.target + MARGIN) {
      this.late(arrivalMicros, mediaMicros);
    }
    if (!this.transits.add(arrivalMicros - mediaMicros)) return;
    const late = this.transits.percentile - this.transits.smallest;
    this.target = Math.min(MAX_DELAY, Math.max(MIN_DELAY, late + MARGIN));
  }

  /**
   * A packet came only as redundancy, so much after its own time: such repeats are waited for while
   * they are needed, which the percentile alone would not see below 5 % of loss.
   */
  repeatNeeded(age: Micros): void {
    this.repeatAge = Math.min(MAX_REPEAT_AGE, Math.max(this.repeatAge, age));
    this.packetsToRepeat = WINDOW;
  }

  /**
   * A packet was waited for in vain. Where that recurs it is rarer than the percentile sees, and still
   * heard; a single stall is not worth the delay.
   */
  late(arrivalMicros: Micros, mediaMicros: Micros): void {
    const needed = this.neededFor(arrivalMicros, mediaMicros);
    // What comes with it is the same event.
    const last = this.lateEvents[this.lateEvents.length - 1];
    if (last && arrivalMicros - last.at < LATE_APART) last.needed = Math.max(last.needed, needed);
    else this.lateEvents.push({ at: arrivalMicros, packet: this.packets, needed });
    this.lateEvents = this.lateEvents.filter(({ packet }) => this.packets - packet < WINDOW);
  }

  private neededFor(arrivalMicros: Micros, mediaMicros: Micros): Micros {
    const { smallest } = this.transits;
    return Number.isNaN(smallest) ? 0 : arrivalMicros - mediaMicros - smallest + MARGIN;
  }

  /** What most of the recurring late packets would have needed; 0 if there are none. */
  private get forLate(): Micros {
    const recent = this.lateEvents.filter(({ packet }) => this.packets - packet < WINDOW);
    if (recent.length < LATE_EVENTS) return 0;
    const needed = recent.map((event) => event.needed).sort((a, b) => b - a);
    return needed[LATE_EVENTS - 1] as number;
  }

  /** Wanted delay between a packet's arrival (of the fastest) and its play-out. */
  get targetMicros(): Micros {
    const forRepeats = this.packetsToRepeat > 0 ? this.repeatAge + 2 * MARGIN : 0;
    return Math.min(MAX_DELAY, Math.max(this.target, forRepeats, this.forLate));
  }

  /** The sender's clock or stream was restarted. */
  reset(): void {
    this.lateEvents = [];
    this.transits.reset();
  }
}

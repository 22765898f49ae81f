/**
 * Estimates the delay that a source's audio needs: the 95th percentile of how much later its
 * packets come than the fastest of the last seconds. NetEQ's DelayManager works like this, with a
 * histogram that forgets instead of a window. Pure; all times in microseconds.
 */

import { SlidingPercentile } from '../../util/sliding-percentile.js';
import type { Micros } from '../../util/units.js';

export const MIN_DELAY: Micros = 20_000;
export const MAX_DELAY: Micros = 200_000;
/** Packets that the estimate is made of: 8 s of 20 ms packets. */
const WINDOW = 400;
/** Redundant copies that are older than two packets are not waited for. */
const MAX_REPEAT_AGE: Micros = 40_000;
/** Packets from one estimate to the next. */
const EVERY = 10;
/** Room above the percentile: the mixer pulls at its own phase, one frame at a time. */
const MARGIN: Micros = 20_000;

/** Late packets are waited for after this many late events within WINDOW. */
const LATE_EVENTS = 3;
/** Late packets closer together than this are one event. */
const LATE_APART: Micros = 500_000;

export class AudioDelayEstimator {
  private readonly transits = new SlidingPercentile(WINDOW, EVERY, 0.95);
  /** Greatest age of a redundant copy that was needed; 0 if none was needed within WINDOW. */
  private repeatAge: Micros = 0;
  /** Packets until {@link repeatAge} is forgotten. */
  private packetsToRepeat = 0;
  private target: Micros = MIN_DELAY + MARGIN;
  private lateEvents: { at: Micros; packet: number; needed: Micros }[] = [];
  private packets = 0;

  /** A packet arrived. @param mediaMicros its unwrapped RTP time in microseconds, from any zero. */
  add(arrivalMicros: Micros, mediaMicros: Micros): void {
    this.packets++;
    if (this.packetsToRepeat > 0 && --this.packetsToRepeat === 0) this.repeatAge = 0;
    // A packet that would have been late counts as a late one, so that the wait goes on.
    if (this.forLate > 0 && this.neededFor(arrivalMicros, mediaMicros) > this.target + MARGIN) {
      this.late(arrivalMicros, mediaMicros);
    }
    if (!this.transits.add(arrivalMicros - mediaMicros)) return;
    const late = this.transits.percentile - this.transits.smallest;
    this.target = Math.min(MAX_DELAY, Math.max(MIN_DELAY, late + MARGIN));
  }

  /**
   * A packet came only as a redundant copy. Such copies are waited for while they are needed; the
   * percentile alone would not see them below 5 % of loss.
   * @param age of the packet when its copy came.
   */
  repeatNeeded(age: Micros): void {
    this.repeatAge = Math.min(MAX_REPEAT_AGE, Math.max(this.repeatAge, age));
    this.packetsToRepeat = WINDOW;
  }

  /**
   * A packet came after its time. Where that recurs, it is heard although it is too rare for the
   * percentile; a single stall is not worth the delay.
   */
  late(arrivalMicros: Micros, mediaMicros: Micros): void {
    const needed = this.neededFor(arrivalMicros, mediaMicros);
    // Packets that come soon after are part of the same event.
    const last = this.lateEvents[this.lateEvents.length - 1];
    if (last && arrivalMicros - last.at < LATE_APART) last.needed = Math.max(last.needed, needed);
    else this.lateEvents.push({ at: arrivalMicros, packet: this.packets, needed });
    this.lateEvents = this.lateEvents.filter(({ packet }) => this.packets - packet < WINDOW);
  }

  private neededFor(arrivalMicros: Micros, mediaMicros: Micros): Micros {
    const { smallest } = this.transits;
    return Number.isNaN(smallest) ? 0 : arrivalMicros - mediaMicros - smallest + MARGIN;
  }

  /** The delay that recurring late packets would have needed; 0 if there are none. */
  private get forLate(): Micros {
    const recent = this.lateEvents.filter(({ packet }) => this.packets - packet < WINDOW);
    if (recent.length < LATE_EVENTS) return 0;
    const needed = recent.map((event) => event.needed).sort((a, b) => b - a);
    return needed[LATE_EVENTS - 1] as number;
  }

  /** Delay to keep between the arrival of the fastest packets and their play-out. */
  get targetMicros(): Micros {
    const forRepeats = this.packetsToRepeat > 0 ? this.repeatAge + 2 * MARGIN : 0;
    return Math.min(MAX_DELAY, Math.max(this.target, forRepeats, this.forLate));
  }

  /** The sender restarted its clock or stream. */
  reset(): void {
    this.lateEvents = [];
    this.transits.reset();
  }
}

/**
 * Maps the capture times of one participant to the server's clock. It adds the smallest delay of the
 * last 30 to 60 seconds, so that network jitter does not get into the recording. Pure.
 */
import type { Micros } from '../util/units.js';

const WINDOW: Micros = 30_000_000;

export class SenderClockMap {
  private previous = Number.POSITIVE_INFINITY;
  private current = Number.POSITIVE_INFINITY;
  private windowBegan: Micros = Number.NEGATIVE_INFINITY;

  /** @param capture on the sender's clock; NaN if it is not known yet. */
  toServer(capture: Micros, arrival: Micros): Micros {
    if (Number.isNaN(capture)) return arrival;
    if (arrival - this.windowBegan > WINDOW) {
      this.previous = this.current;
      this.current = Number.POSITIVE_INFINITY;
      this.windowBegan = arrival;
    }
    this.current = Math.min(this.current, arrival - capture);
    return capture + Math.min(this.previous, this.current);
  }
}

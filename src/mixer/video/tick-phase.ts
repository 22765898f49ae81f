/**
 * Keeps a camera that is as fast as the ticks from stuttering. When its pictures come just before
 * some ticks and just after others, a tick finds none and the next one finds two, of which only one
 * is shown. Then pictures are taken a quarter of a tick later, until that is no longer needed.
 * Pure; times in microseconds.
 */
import type { Micros } from '../../util/units.js';

/**
 * A camera's interval that differs from the ticks' by no more than this share is as fast as they
 * are.
 */
const AS_OFTEN = 0.15;
/**
 * Ticks in a window; with two pictures at once on TOO_OFTEN of them the phase is bad, on ACCIDENTS
 * it is not.
 */
const WINDOW = 30;
const TOO_OFTEN = 3;
const ACCIDENTS = 1;
/**
 * The lag must make such ticks this many times rarer; else the camera itself is uneven and the lag
 * useless.
 */
const RARER = 3;
/** Windows in which the lag is useless before it ends. */
const CALM_WINDOWS = 3;
/** The lag as a share of a tick. */
const LAG = 1 / 4;
/**
 * Due times that are remembered: some past ones, and those of pictures that wait for their audio.
 */
const MAX_DUES = 16;

export class TickPhase {
  /** Pictures that are due less than this before a tick are left for the next tick. */
  lag: Micros = 0;
  private dues: Micros[] = [];
  private tickedAt: Micros = 0;
  private ticks = 0;
  /** Windows in a row in which the lag was useless. */
  private calm = 0;
  /** Ticks of this window that have two pictures at once: without the lag, and with it. */
  private atOnce = 0;
  private later = 0;

  /** A picture is due at `due`. */
  add(due: Micros): void {
    this.dues.push(due);
    if (this.dues.length > MAX_DUES) this.dues.shift();
  }

  /**
   * To be called at each tick, before pictures are taken.
   * @param interval from tick to tick.
   * @param usual from picture to picture.
   */
  tick(now: Micros, interval: Micros, usual: Micros): void {
    const lag = LAG * interval;
    const between = (from: Micros, to: Micros) =>
      this.dues.filter((due) => due > from && due <= to).length;
    if (between(this.tickedAt, now) > 1) this.atOnce++;
    if (between(this.tickedAt - lag, now - lag) > 1) this.later++;
    this.tickedAt = now;
    this.ticks++;
    const isAsOften = Math.abs(usual - interval) < AS_OFTEN * interval;
    const [own, other] = this.lag > 0 ? [this.later, this.atOnce] : [this.atOnce, this.later];
    if (isAsOften && own >= TOO_OFTEN && other * RARER <= own) this.lag = this.lag > 0 ? 0 : lag;
    else if (this.ticks < WINDOW) return;
    const isOfUse = this.atOnce > ACCIDENTS && this.later * RARER <= this.atOnce;
    this.calm = isAsOften && isOfUse ? 0 : this.calm + 1;
    if (this.calm >= CALM_WINDOWS) this.lag = 0;
    this.ticks = this.atOnce = this.later = 0;
  }
}

/**
 * A camera that is as fast as the ticks, and whose pictures come just before some and just after others,
 * would be shown none, then two at once, of which one is lost to see. What is taken at a tick lies a part
 * of a tick beside what comes then, until it would do without. Pure; times in microseconds.
 */
import type { Micros } from '../../util/units.js';

/** Pictures that come as often as ticks do, give or take this share, may be in step with them. */
const AS_OFTEN = 0.15;
/** Looked at every so many ticks: two pictures at once so often is too often, and so often is an accident. */
const WINDOW = 30;
const TOO_OFTEN = 3;
const ACCIDENTS = 1;
/** What does not become so many times as rare by it is uneven by itself: to take it later is in vain. */
const RARER = 3;
/** After so many windows without use, pictures are taken at once again. */
const CALM_WINDOWS = 3;
/** Share of a tick by which they are taken later meanwhile. */
const LAG = 1 / 4;
/** Times remembered: some that are past, and those of pictures that wait for the sound. */
const MAX_DUES = 16;

export class TickPhase {
  /** Pictures that are due less than this before a tick are for the next. */
  lag: Micros = 0;
  private dues: Micros[] = [];
  private tickedAt: Micros = 0;
  private ticks = 0;
  private calm = 0;
  /** Ticks with two pictures in this window: as it is without a lag, and with one. */
  private atOnce = 0;
  private later = 0;

  /** A picture is due at a moment. */
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

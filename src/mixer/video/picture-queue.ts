/**
 * Decoded pictures of one source until their time comes. Shows the newest one that is due; at most
 * MAX_PICTURES wait. Times are monotonic microseconds; reads no clock.
 */
import type { Picture } from '../../codecs/ffmpeg/picture.js';
import type { Micros } from '../../util/units.js';
import { TickPhase } from './tick-phase.js';

const MAX_PICTURES = 8;
/** Share of an interval after which it counts as over: ticks are not quite even. */
const INTERVAL_SLACK = 0.9;

interface WaitingPicture {
  readonly picture: Picture;
  readonly decodedAt: Micros;
  readonly due: Micros;
}

export class PictureQueue {
  /** Grows with every picture that is shown. */
  generation = 0;
  private waiting: WaitingPicture[] = [];
  private shown: Picture | undefined;
  private shownAt: Micros = 0;
  private readonly phase = new TickPhase();

  /** @param onShown called with the time at which a picture that is shown now was decoded. */
  constructor(private readonly onShown: (decodedAt: Micros) => void) {}

  /** @param picture owned by the queue from now on. */
  add(picture: Picture, decodedAt: Micros, due: Micros): void {
    this.phase.add(due);
    this.dropOtherSizes(picture);
    this.waiting.push({ picture, decodedAt, due });
    while (this.waiting.length > MAX_PICTURES) {
      this.show((this.waiting.shift() as WaitingPicture).picture);
    }
  }

  /**
   * The newest picture that is due, owned by the queue; undefined before the first.
   * @param interval from one shown picture to the next, at least; 0 for every tick.
   * @param tickInterval from tick to tick.
   * @param usualInterval from picture to picture as they come; 0 if unknown.
   */
  at(
    now: Micros,
    interval: Micros,
    tickInterval: Micros,
    usualInterval: Micros,
  ): Picture | undefined {
    if (this.shown && now - this.shownAt < interval * INTERVAL_SLACK) {
      while (this.waiting[1] && this.waiting[1].due <= now)
        this.waiting.shift()?.picture[Symbol.dispose]();
      return this.shown;
    }
    this.phase.tick(now, tickInterval, usualInterval);
    const due = this.dueBy(now - this.phase.lag);
    if (due > 0) this.shownAt = now;
    for (const { picture, decodedAt } of this.waiting.splice(0, due)) {
      this.onShown(decodedAt);
      this.show(picture);
    }
    return this.shown;
  }

  /** Drops every picture, the shown one too. */
  clear(): void {
    for (const { picture } of this.waiting) picture[Symbol.dispose]();
    this.waiting = [];
    this.shown?.[Symbol.dispose]();
    this.shown = undefined;
  }

  /** A new size is shown at once, so that a sender who changes it each time fills no memory. */
  private dropOtherSizes({ width, height }: Picture): void {
    const last = this.waiting.at(-1)?.picture;
    if (!last || (last.width === width && last.height === height)) return;
    for (const { picture } of this.waiting.splice(0)) picture[Symbol.dispose]();
  }

  /** How many pictures are due at `time`. */
  private dueBy(time: Micros): number {
    const later = this.waiting.findIndex(({ due }) => due > time);
    return later < 0 ? this.waiting.length : later;
  }

  private show(picture: Picture): void {
    this.shown?.[Symbol.dispose]();
    this.shown = picture;
    this.generation++;
  }
}

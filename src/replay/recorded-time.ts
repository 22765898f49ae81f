/** A clock that stands still until it is moved on: ticks run in the order in which they are due. */
import type { MixerTicker, MixerTime } from '../mixer/mixer-time.js';
import type { Micros } from '../util/units.js';

interface SteppedTicker extends MixerTicker {
  /** When its next tick is due; infinite while it is stopped. */
  readonly due: Micros;
  run(): Promise<void>;
}

export class RecordedTime implements MixerTime {
  private current: Micros;
  private readonly tickers: SteppedTicker[] = [];

  constructor(start: Micros) {
    this.current = start;
  }

  now(): Micros {
    return this.current;
  }

  ticker(
    interval: number,
    _maxBehind: number,
    tick: (due: Micros) => void | Promise<void>,
    failed: (error: unknown) => void,
  ): MixerTicker {
    const stepped = new Stepped(interval, () => this.current, tick, failed);
    this.tickers.push(stepped);
    return stepped;
  }

  /**
   * Moves the clock on, running the ticks that are due until then, and that moment's too.
   * @param before is awaited in front of each tick.
   */
  async moveTo(time: Micros, before: () => Promise<void>): Promise<void> {
    for (;;) {
      const next = this.tickers.reduce<SteppedTicker | undefined>(
        (first, one) => (first === undefined || one.due < first.due ? one : first),
        undefined,
      );
      if (!next || next.due > time) break;
      this.current = Math.max(this.current, next.due);
      await before();
      await next.run();
    }
    this.current = Math.max(this.current, time);
  }
}

class Stepped implements SteppedTicker {
  /** A clock that waits for its ticks skips none. */
  readonly skipped = 0;
  due: Micros = Number.POSITIVE_INFINITY;
  private startedAt: Micros = 0;
  private index = 0;

  constructor(
    private interval: number,
    private readonly now: () => Micros,
    private readonly tick: (due: Micros) => void | Promise<void>,
    private readonly failed: (error: unknown) => void,
  ) {}

  start(): void {
    this.startedAt = this.now();
    this.index = 0;
    this.due = this.startedAt;
  }

  async stop(): Promise<void> {
    this.due = Number.POSITIVE_INFINITY;
  }

  setInterval(interval: number): void {
    if (interval === this.interval) return;
    const last = this.startedAt + Math.round((this.index - 1) * this.interval);
    this.interval = interval;
    this.startedAt = last - (this.index - 1) * interval;
  }

  async run(): Promise<void> {
    const { due } = this;
    this.index++;
    this.due = this.startedAt + Math.round(this.index * this.interval);
    try {
      await this.tick(due);
    } catch (error) {
      this.failed(error);
    }
  }
}

import type { Micros } from './units.js';

/**
 * A clock that ticks at a fixed rate, counted from its start: ticks never drift, each gets its due
 * time, and ticks that are too late are skipped and counted.
 */
export class Ticker {
  /** Ticks skipped because an earlier one took too long. */
  skipped = 0;
  private index = 0;
  /** Due time of tick 0, as if the interval had always been this. */
  private startedAt: Micros = 0;
  private timer: NodeJS.Timeout | undefined;
  private running = false;
  private current: Promise<void> = Promise.resolve();

  /**
   * @param interval microseconds from tick to tick; need not be whole.
   * @param maxBehind ticks that are made up for when late, before they are left out.
   */
  constructor(
    private interval: number,
    private readonly maxBehind: number,
    private readonly now: () => Micros,
    private readonly tick: (due: Micros) => void | Promise<void>,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    this.startedAt = this.now();
    this.index = 0;
    this.schedule();
  }

  /** From the next tick on; it is due one new interval after the last. */
  setInterval(interval: number): void {
    if (interval === this.interval) return;
    const last = this.dueOf(this.index - 1);
    this.interval = interval;
    this.startedAt = last - (this.index - 1) * interval;
  }

  /** Resolves when the tick under way is done; none follows it. */
  async stop(): Promise<void> {
    this.running = false;
    if (this.timer) clearTimeout(this.timer);
    this.timer = undefined;
    await this.current;
  }

  private dueOf(index: number): Micros {
    return this.startedAt + Math.round(index * this.interval);
  }

  private schedule(): void {
    if (!this.running) return;
    const wait = Math.max(0, (this.dueOf(this.index) - this.now()) / 1000);
    this.timer = setTimeout(() => {
      this.current = this.run();
    }, wait);
  }

  private async run(): Promise<void> {
    try {
      const behind = Math.floor((this.now() - this.dueOf(this.index)) / this.interval);
      if (behind > this.maxBehind) {
        this.skipped += behind;
        this.index += behind;
      }
      const due = this.dueOf(this.index);
      this.index++;
      await this.tick(due);
    } catch (error) {
      this.onError(error);
    }
    this.schedule();
  }
}

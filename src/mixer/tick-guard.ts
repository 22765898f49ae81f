/**
 * What becomes of an error that no source's boundary caught: the tick is lost, counted and told, and
 * the next one goes on. When every tick fails for a second, the process is given up.
 */
import type { Micros } from '../util/units.js';
import { type Faults, ROOM } from './faults.js';

const PATIENCE: Micros = 1_000_000;

export class TickGuard {
  private failingSince: Micros | undefined;

  /**
   * @param now reads the monotonic clock.
   * @param giveUp the server replaces this process.
   */
  constructor(
    private readonly faults: Pick<Faults, 'caught'>,
    private readonly now: () => Micros,
    private readonly giveUp: (error: unknown) => void,
  ) {}

  passed(): void {
    this.failingSince = undefined;
  }

  failed(error: unknown): void {
    this.faults.caught(ROOM, 'tick', error);
    const now = this.now();
    this.failingSince ??= now;
    if (now - this.failingSince >= PATIENCE) this.giveUp(error);
  }
}

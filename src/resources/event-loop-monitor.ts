/**
 * Watches how late timers of the event loop are. A loop that stands still for two seconds is counted, and
 * logged with the stack of what ran, which a thread of its own takes.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../logger.js';
import type { TimeHistogram } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import { ASK_AFTER_MS, BEAT_MS, SharedBeat, sharedNow } from './event-loop-beat.js';

/** Upper bounds of the buckets. */
export const DELAY_BOUNDS: readonly Micros[] = [
  5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000,
];
/** As long as this the loop must stand still to count as blocked. */
const BLOCKED_MS = 2000;

export interface EventLoopSnapshot {
  /** How late timers were. */
  readonly delay: TimeHistogram;
  /** Times that the loop stood still for two seconds or longer. */
  readonly blocked: number;
}

function workerFile(): URL {
  const built = new URL('./event-loop-worker.js', import.meta.url);
  // In development the sources run, by the loader of this process.
  return existsSync(fileURLToPath(built))
    ? built
    : new URL('./event-loop-worker.ts', import.meta.url);
}

export class EventLoopMonitor {
  private readonly counts: number[] = new Array(DELAY_BOUNDS.length + 1).fill(0);
  private sumMicros: Micros = 0;
  private blocked = 0;
  private readonly shared = new SharedBeat();
  private worker: Worker | undefined;
  private timer: NodeJS.Timeout | undefined;
  private beatAt = 0;

  constructor(private readonly logger: Logger) {}

  start(): void {
    this.worker = new Worker(workerFile(), { workerData: this.shared.buffer });
    this.worker.unref();
    this.worker.on('error', (error) =>
      this.logger.error({ error }, 'the thread that watches the event loop failed'),
    );
    this.beatAt = sharedNow();
    this.shared.workerAt = this.beatAt;
    this.timer = setInterval(() => this.beat(sharedNow()), BEAT_MS);
  }

  snapshot(): EventLoopSnapshot {
    const { counts, sumMicros, blocked } = this;
    return { delay: { counts: [...counts], sumMicros }, blocked };
  }

  /** Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  private beat(now: number): void {
    const late = Math.max(0, now - this.beatAt - BEAT_MS);
    const { workerAt, workerGapAt } = this.shared;
    const workerStoodStill = now - workerAt > BLOCKED_MS / 2 || workerGapAt > this.beatAt;
    this.beatAt = now;
    this.shared.beat();
    const micros = Math.round(late * 1000);
    let bucket = 0;
    while (bucket < DELAY_BOUNDS.length && micros > (DELAY_BOUNDS[bucket] as Micros)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sumMicros += micros;
    if (late >= BLOCKED_MS) this.noteBlocked(Math.round(late), workerStoodStill);
    else if (late >= ASK_AFTER_MS / 2) this.shared.ran = '';
  }

  private noteBlocked(blockedMs: number, workerStoodStill: boolean): void {
    this.blocked++;
    const { ran } = this.shared;
    this.shared.ran = '';
    if (workerStoodStill) {
      this.logger.error(
        { blockedMs },
        'the whole process stood still: it was stopped, or had no CPU or memory',
      );
      return;
    }
    this.logger.error({ blockedMs, ran }, 'the event loop was blocked');
  }
}

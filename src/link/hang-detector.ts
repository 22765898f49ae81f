/**
 * Tells a process that hangs from one that is slow because the CPU is short. Pure: it is given
 * heartbeats, and at even intervals what the system knows of the process's main thread.
 */
import type { Micros } from '../util/units.js';

export const CHECK_INTERVAL_MS = 200;
/** Heartbeats are sent this often. */
export const HEARTBEAT_MS = 200;
/** Checks without a heartbeat after which the system is asked. */
const SUSPICIOUS = 5;
/** Checks without a heartbeat after which it hangs in any case. */
const HOPELESS = 30;
/** No turn of the event loop takes that much CPU. */
const LONGEST_TURN: Micros = 700_000;
/** A thread that takes less CPU than this between two checks does nothing. */
const IDLE: Micros = 2_000;
/** Threads that wait longer than this for a CPU between two checks would go on if they had one. */
const STARVED: Micros = 10_000;

/** The main thread of a process. */
export interface ThreadActivity {
  /** As in `/proc/PID/stat`: `R` runs or waits for a CPU, `S` sleeps, `D` waits for a disk, `T` is stopped. */
  readonly state: string;
  readonly cpuMicros: Micros;
  /** Time that all threads of the process have waited for a CPU. */
  readonly waitedMicros: Micros;
}

export class HangDetector {
  private missed = 0;
  /** CPU that the thread had taken when the silence began, and at the last check. */
  private silentFrom: Micros | undefined;
  private before: ThreadActivity | undefined;

  heartbeat(): void {
    this.missed = 0;
    this.silentFrom = undefined;
    this.before = undefined;
  }

  /**
   * Called every {@link CHECK_INTERVAL_MS}. Counts its calls, so that a caller who stood still
   * himself finds nobody guilty.
   * @param read what the system knows of the thread; undefined where it cannot be known.
   * @returns why it hangs; undefined while it does not.
   */
  check(read: () => ThreadActivity | undefined): string | undefined {
    this.missed++;
    if (this.missed >= HOPELESS) return 'no sign of life';
    // The first check comes soon after a heartbeat: in a healthy process nothing is read.
    if (this.missed === 1) return undefined;
    const activity = read();
    if (!activity) return undefined;
    const { before } = this;
    this.before = activity;
    const { state, cpuMicros } = activity;
    this.silentFrom ??= cpuMicros;
    if (this.missed < SUSPICIOUS) return undefined;
    if (state === 'T' || state === 't') return 'stopped';
    if (cpuMicros - this.silentFrom >= LONGEST_TURN) return 'runs in circles';
    return before && state === 'S' && isIdle(before, activity) ? 'blocked' : undefined;
  }
}

/** Whether the thread did nothing, and no other thread of the process waited for a CPU meanwhile. */
function isIdle(before: ThreadActivity, now: ThreadActivity): boolean {
  const isStarved = now.waitedMicros - before.waitedMicros > STARVED;
  return now.cpuMicros - before.cpuMicros < IDLE && !isStarved;
}

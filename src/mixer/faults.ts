/**
 * The boundary of one source, or of one output, in the media process: an error about it is caught
 * here, counted by stage, and told to the server at most once a second for each source. Everybody
 * else's picture and audio go on.
 */
import {
  type FaultCounters,
  type FaultReport,
  type FaultStage,
  faultCounters,
} from '../link/fault-stages.js';
import type { SourceId } from '../link/link-messages.js';
import type { Micros } from '../util/units.js';
import type { NativeCalls } from './native-calls.js';

/** Faults that are about no source in particular have this id. */
export const ROOM: SourceId = 0;

const REPORT_INTERVAL: Micros = 1_000_000;
/** A source without an error for this time is well again. */
const CALM: Micros = 2_000_000;

export interface FaultEvents {
  /** Each time. */
  caught(source: SourceId, stage: FaultStage): void;
  /** At most once a second for each source. */
  fault(report: FaultReport): void;
  /** A source that had errors has had none for two seconds. */
  recovered(source: SourceId): void;
}

interface FaultySource {
  lastAt: Micros;
  reportedAt: Micros;
  /** Since the last report. */
  unreported: number;
}

export class Faults {
  private readonly counts = new Map<FaultStage, number>();
  private readonly faulty = new Map<SourceId, FaultySource>();

  /**
   * @param now reads the monotonic clock.
   * @param native notes which sources are in native code; left out where no server reads it.
   */
  constructor(
    private readonly events: FaultEvents,
    private readonly now: () => Micros,
    private readonly native?: NativeCalls,
  ) {}

  /** Whether every native call is to be made alone, so that a crash has one suspect. */
  get isProbation(): boolean {
    return this.native?.alone === true;
  }

  /** Makes a native call for a source; who was in one is known if the process dies. */
  async inNative<T>(source: SourceId, call: () => T | Promise<T>): Promise<T> {
    const place = this.native?.begins(source);
    try {
      return await call();
    } finally {
      if (place !== undefined) this.native?.ended(place);
    }
  }

  /** Runs the work of one stage for one source. @returns undefined if it throws. */
  guard<T>(source: SourceId, stage: FaultStage, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.caught(source, stage, error);
      return undefined;
    }
  }

  /** Counts an error and reports it. */
  caught(source: SourceId, stage: FaultStage, error: unknown): void {
    this.counts.set(stage, (this.counts.get(stage) ?? 0) + 1);
    this.events.caught(source, stage);
    const now = this.now();
    const known = this.faulty.get(source);
    const entry = known ?? { lastAt: now, reportedAt: Number.NEGATIVE_INFINITY, unreported: 0 };
    this.faulty.set(source, entry);
    entry.lastAt = now;
    entry.unreported++;
    if (now - entry.reportedAt < REPORT_INTERVAL) return;
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.events.fault({ source, stage, message, count: entry.unreported });
    entry.reportedAt = now;
    entry.unreported = 0;
  }

  /** Whether the source had an error in the last two seconds. */
  isFaulty(source: SourceId): boolean {
    return this.faulty.has(source);
  }

  /** Finds sources that are well again; to be called on each tick. */
  sweep(): void {
    if (this.faulty.size === 0) return;
    const now = this.now();
    for (const [source, { lastAt }] of this.faulty) {
      if (now - lastAt < CALM) continue;
      this.faulty.delete(source);
      this.events.recovered(source);
    }
  }

  /** The source is gone. */
  forget(source: SourceId): void {
    this.faulty.delete(source);
  }

  /** Errors by stage since the process began. */
  snapshot(): FaultCounters {
    return faultCounters((stage) => this.counts.get(stage) ?? 0);
  }
}

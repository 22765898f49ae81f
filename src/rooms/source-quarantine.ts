/**
 * Keeps sources that crash decoders away from a room's media process: who stands where, and the
 * process in which suspects are tried. A stream that crashes every decoder costs the others one restart.
 */
import type { MixSettings, SourceId, SourceState, VideoInFrame } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import type { Micros } from '../util/units.js';
import type { ProcessSource } from './media-process-supervisor.js';
import { Probation } from './probation.js';
import { Quarantine } from './quarantine.js';

/** After two crashes within this time whose cause is unknown, every source is tried. */
const UNEXPLAINED: Micros = 60_000_000;

export interface SourceQuarantineEvents {
  /** Other sources are kept apart than before: {@link SourceQuarantine.stateOf} says how they look. */
  onChanged(apart: ReadonlySet<SourceId>): void;
  /** The source is not decoded for a time, because it crashed a decoder on probation too. */
  onHeld(source: SourceId): void;
  keyframeNeeded(source: SourceId): void;
}

export class SourceQuarantine {
  private readonly quarantine = new Quarantine();
  private readonly probation: Probation;
  private sources: readonly SourceState[] = [];
  private unexplainedAt: Micros = Number.NEGATIVE_INFINITY;
  private apart: ReadonlySet<SourceId> = new Set();

  /** @param now reads the monotonic clock. */
  constructor(
    settings: MixSettings,
    pool: ProcessSource,
    logger: Logger,
    private readonly events: SourceQuarantineEvents,
    private readonly now: () => Micros,
  ) {
    this.probation = new Probation(pool, settings, logger, {
      onAcquitted: (source) => {
        this.quarantine.acquit(source);
        this.changed();
        events.keyframeNeeded(source);
      },
      onConvicted: (source) => {
        this.quarantine.convict(source, this.now());
        this.changed();
        events.onHeld(source);
      },
      keyframeNeeded: (source) => events.keyframeNeeded(source),
    });
  }

  /** All sources of the room, as they are without a quarantine. */
  setSources(sources: readonly SourceState[]): void {
    this.sources = sources;
    this.quarantine.keepOnly(new Set(sources.map(({ id }) => id)));
    this.apart = this.quarantine.apart;
    this.tryThem();
  }

  /** How the room's media process sees the source. */
  stateOf(state: SourceState): SourceState {
    return this.apart.has(state.id) ? { ...state, videoOn: false, trouble: true } : state;
  }

  /**
   * The room's media process crashed.
   * @param suspects sources that were in native code; undefined if that was not the reason.
   */
  crashed(suspects: readonly SourceId[] | undefined): void {
    if (!suspects) return;
    const now = this.now();
    let tried = suspects;
    if (suspects.length === 0) {
      if (now - this.unexplainedAt < UNEXPLAINED) tried = this.sources.map(({ id }) => id);
      this.unexplainedAt = now;
    }
    if (tried.length === 0) return;
    this.quarantine.suspect(tried, now);
    this.changed();
  }

  /** @returns whether the frame is none for the room's media process. */
  takes(frame: VideoInFrame): boolean {
    if (!this.apart.has(frame.source)) return false;
    this.probation.frame(frame, this.now());
    return true;
  }

  /** A host lifts the quarantine: the source is tried now. @returns whether it was held. */
  lift(source: SourceId): boolean {
    if (!this.quarantine.lift(source)) return false;
    this.changed();
    return true;
  }

  tick(now: Micros): void {
    if (this.apart.size === 0) return;
    this.probation.tick(now);
    if (this.quarantine.tick(now)) this.changed();
  }

  close(): Promise<void> {
    return this.probation.close();
  }

  private changed(): void {
    this.apart = this.quarantine.apart;
    this.tryThem();
    this.events.onChanged(this.apart);
  }

  private tryThem(): void {
    const tried = this.quarantine.onProbation;
    const states = this.sources.filter(({ id }) => tried.has(id));
    this.probation.setSources(states, this.now());
  }
}

/** The sources of a room in the order of joining: what each of them is, its video and its sync. */
import type { PixelRates, SourceId, SourceState } from '../link/link-messages.js';
import type { StageTimes } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import { AvSync } from './av-sync.js';
import type { Faults } from './faults.js';
import { PixelBudget } from './video/pixel-budget.js';
import {
  VideoSource,
  type VideoSourceCounters,
  videoSourceCounters,
} from './video/video-source.js';

export interface Source {
  readonly id: SourceId;
  state: SourceState;
  /** Whether it has a tile on any canvas; without one nothing of it is decoded. */
  tiled: boolean;
  readonly video: VideoSource;
  readonly sync: AvSync;
}

export interface SourceTableEvents {
  /** The source's decoder cannot go on without a keyframe. */
  keyframeNeeded(source: SourceId): void;
  /** A frame of the source could not be decoded. */
  corrupt(source: SourceId): void;
  /** All sources of which less is decoded than they send. */
  overBudget(sources: readonly SourceId[]): void;
}

export class SourceTable implements Iterable<Source> {
  private readonly sources = new Map<SourceId, Source>();
  private readonly counters = videoSourceCounters();
  private readonly budget: PixelBudget;

  /**
   * @param stages takes the durations of `transfer`, `decode` and `wait`.
   * @param now reads the monotonic clock.
   */
  constructor(
    private readonly events: SourceTableEvents,
    private readonly stages: StageTimes,
    private readonly faults: Faults,
    pixelRates: PixelRates,
    private readonly now: () => Micros,
  ) {
    this.budget = new PixelBudget(pixelRates);
  }

  [Symbol.iterator](): Iterator<Source> {
    return this.sources.values();
  }

  get(id: SourceId): Source | undefined {
    return this.sources.get(id);
  }

  /** @param states of all sources in their order; sources that are missing are gone. */
  update(states: readonly SourceState[]): void {
    const present = new Set(states.map(({ id }) => id));
    for (const [id, { video }] of this.sources) {
      if (present.has(id)) continue;
      this.sources.delete(id);
      this.faults.forget(id);
      this.budget.forget(id);
      video.close().catch((error: unknown) => this.faults.caught(id, 'video_decode', error));
    }
    for (const state of states) {
      const source = this.sources.get(state.id) ?? this.open(state);
      // Put in again, so that the table has the order of the list.
      this.sources.delete(state.id);
      this.sources.set(state.id, source);
      if (source.state.videoOn && !state.videoOn) source.video.clear();
      source.state = state;
    }
  }

  /** Starts a source's video again, from a keyframe. */
  restartVideo({ id, video }: Source): void {
    video.clear();
    this.events.keyframeNeeded(id);
  }

  /** A picture or a frame of this source broke a stage: its video starts again, after a pause. */
  videoBroke(id: SourceId): void {
    this.sources.get(id)?.video.fault();
  }

  /** Limits the pixels that are decoded; to be called on each tick. */
  keepBudget(now: Micros): void {
    if (!this.budget.tick(now)) return;
    const reduced: SourceId[] = [];
    for (const { id, video } of this.sources.values()) {
      const share = this.budget.shareOf(id);
      this.faults.guard(id, 'receive', () => video.setShare(share));
      if (share !== 'all') reduced.push(id);
    }
    this.events.overBudget(reduced);
  }

  /** A source whose decoder does not come back; undefined if there is none. */
  hanging(now: Micros): SourceId | undefined {
    for (const { id, video } of this.sources.values()) if (video.hangs(now)) return id;
    return undefined;
  }

  /** Encoded frames that wait for decoders. */
  get queuedFrames(): number {
    let frames = 0;
    for (const { video } of this.sources.values()) frames += video.queued;
    return frames;
  }

  /** How full the fullest decoder queue is, 0 to 1. */
  get maxBacklog(): number {
    let backlog = 0;
    for (const { video } of this.sources.values()) backlog = Math.max(backlog, video.backlog);
    return backlog;
  }

  /** Sums over all sources that there have been. */
  snapshot(): VideoSourceCounters {
    return { ...this.counters };
  }

  /** Resolves when all frames that were pushed are decoded. */
  async idle(): Promise<void> {
    await Promise.all([...this.sources.values()].map(({ video }) => video.idle()));
  }

  /** Resolves when no decoder runs any more. */
  async close(): Promise<void> {
    await Promise.all([...this.sources.values()].map(({ video }) => video.close()));
  }

  private open(state: SourceState): Source {
    const { id } = state;
    const { events, stages, counters, faults, now } = this;
    const sync = new AvSync();
    const alone = faults.isProbation;
    const inNative = <T>(call: (alone: boolean) => Promise<T>) =>
      faults.inNative(id, () => call(alone));
    const video = new VideoSource(
      {
        keyframeNeeded: () => events.keyframeNeeded(id),
        corrupt: () => events.corrupt(id),
        took: (stage, micros) => stages.observe(stage, micros),
        failed: (error) => faults.caught(id, 'video_decode', error),
        arrived: (pixels) => this.budget.arrived(id, pixels),
      },
      { counters, now, dueTime: (capture, at) => sync.videoDue(capture, at), inNative },
    );
    return { id, state, tiled: state.visible, video, sync };
  }
}

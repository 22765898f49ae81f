/** The sources of a room in the order of joining: what each of them is, its video and its sync. */
import type { SourceId, SourceState } from '../link/link-messages.js';
import type { StageTimes } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import { AvSync } from './av-sync.js';
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
  failed(error: unknown): void;
}

export class SourceTable implements Iterable<Source> {
  private readonly sources = new Map<SourceId, Source>();
  private readonly counters = videoSourceCounters();

  /**
   * @param stages takes the durations of `transfer`, `decode` and `wait`.
   * @param now reads the monotonic clock.
   */
  constructor(
    private readonly events: SourceTableEvents,
    private readonly stages: StageTimes,
    private readonly now: () => Micros,
  ) {}

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
      video.close().catch((error: unknown) => this.events.failed(error));
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
    const { events, stages, counters, now } = this;
    const sync = new AvSync();
    const video = new VideoSource(
      {
        keyframeNeeded: () => events.keyframeNeeded(id),
        corrupt: () => events.corrupt(id),
        took: (stage, micros) => stages.observe(stage, micros),
      },
      { counters, now, dueTime: (capture, at) => sync.videoDue(capture, at) },
    );
    return { id, state, tiled: state.visible, video, sync };
  }
}

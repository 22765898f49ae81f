/** What a room costs and how its media fares: counters, queues, stage times and load. */

import type { MediaCounters, MixSettings, SourceId } from '../link/link-messages.js';
import { type LoadStep, loadSteps } from '../link/load-steps.js';
import { CounterTotals } from '../util/counter-totals.js';
import type { StageHistograms } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import type { MeasuredRoom } from './admission.js';
import type { UpdateBus } from './update-bus.js';

/** The media path of a room, as far as telemetry reads it. */
export interface MeasuredPipeline {
  readonly mediaPid: number | undefined;
  /** Of the media process. */
  readonly mediaCounters: MediaCounters;
  /** Of the server's side. */
  readonly counters: Readonly<Record<string, number>>;
  readonly stageTimes: StageHistograms;
  readonly loadSteps: readonly LoadStep[];
  readonly queuedBytes: number;
  /** Of the media process, for one source. */
  sourceCounters(source: SourceId): MediaCounters;
}

/** A participant, as far as telemetry reads it. */
export interface MeasuredParticipant {
  readonly id: string;
  readonly screenSourceId: SourceId;
  readonly sourceId: SourceId;
  readonly visible: boolean;
  readonly output: { readonly queueMicros: Micros } | undefined;
  counts(): Record<string, number>;
}

export class RoomTelemetry implements MeasuredRoom {
  private readonly counted = new CounterTotals();
  /**
   * Names of counters that the media process keeps per source. It sums them for the room too, over
   * the present sources; they are counted per participant here, so that they outlive them.
   */
  private readonly countedPerSource = new Set<string>();

  constructor(
    private readonly pipeline: MeasuredPipeline,
    private readonly participants: () => readonly MeasuredParticipant[],
    private readonly mix: MixSettings,
    private readonly updates: Pick<UpdateBus, 'counters'>,
  ) {}

  get size(): number {
    return this.participants().length;
  }

  get numVisible(): number {
    return this.participants().filter(({ visible }) => visible).length;
  }

  get mediaPid(): number | undefined {
    return this.pipeline.mediaPid;
  }

  /** Histograms of the time that each stage of the media path takes. */
  get stages(): StageHistograms {
    return this.pipeline.stageTimes;
  }

  /** Steps by which the composite is reduced because the CPU is short. */
  get loadSteps(): readonly LoadStep[] {
    return this.pipeline.loadSteps;
  }

  get loadLevel(): number {
    return this.loadSteps.length;
  }

  get numLoadSteps(): number {
    return this.mix.loadControl ? loadSteps(this.mix).length : 0;
  }

  get overloaded(): boolean {
    return this.pipeline.mediaCounters.load_overloaded === 1;
  }

  get cpuMicros(): Micros | undefined {
    return this.pipeline.mediaCounters.cpu_micros;
  }

  /** Counters and gauges of the room and its media process, as they are now. */
  get counters(): Record<string, number> {
    return {
      ...this.pipeline.mediaCounters,
      ...this.pipeline.counters,
      ...this.updates.counters,
    };
  }

  /** Counters since the room began, those of participants who left included. */
  get totals(): Record<string, number> {
    for (const participant of this.participants()) this.count(participant);
    const ofRoom = Object.entries(this.counters).filter(
      ([name]) => !this.countedPerSource.has(name),
    );
    this.counted.observe('media', Object.fromEntries(ofRoom));
    return this.counted.totals;
  }

  /** Frames and bytes that wait, by queue. */
  get queues(): Record<string, number> {
    const pacers = this.participants().map(({ output }) => output?.queueMicros ?? 0);
    return {
      link_bytes: this.pipeline.queuedBytes,
      pacer_micros_max: Math.max(0, ...pacers),
      decoder_frames: this.pipeline.mediaCounters.decoder_queue_frames ?? 0,
    };
  }

  /** Keeps what a participant who leaves has counted. */
  left(participant: MeasuredParticipant): void {
    this.count(participant);
    this.counted.forget(participant.id);
    this.counted.forget(`${participant.id}/screen`);
  }

  private count(participant: MeasuredParticipant): void {
    const { id, sourceId, screenSourceId } = participant;
    const screen = this.pipeline.sourceCounters(screenSourceId);
    const ofSources = [this.pipeline.sourceCounters(sourceId), screen];
    for (const name of ofSources.flatMap(Object.keys)) this.countedPerSource.add(name);
    this.counted.observe(id, participant.counts());
    this.counted.observe(`${id}/screen`, screen);
  }
}

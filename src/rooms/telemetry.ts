/** What a room costs and how its media fares: counters, queues, stage times and load. */

import type { MixSettings, SourceId } from '../link/link-messages.js';
import { type LoadStep, loadSteps } from '../link/load-steps.js';
import type { MediaSnapshot, SourceSnapshot } from '../link/media-counters.js';
import { CounterTotals } from '../util/counter-totals.js';
import type { StageHistograms } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import type { MeasuredRoom } from './admission.js';
import { EncodeTotals } from './encode-totals.js';
import {
  flatCounters,
  PARTICIPANT_GAUGES,
  type ParticipantSnapshot,
  type PipelineCounters,
  type RoomCounters,
  type RoomTotals,
  type SentCounters,
} from './room-counters.js';
import type { UpdateBus } from './update-bus.js';

/** The media path of a room, as far as telemetry reads it. */
export interface MeasuredPipeline {
  readonly mediaPid: number | undefined;
  /** The latest report of the media process; undefined while there is none. */
  readonly mediaSnapshot: MediaSnapshot | undefined;
  readonly counters: PipelineCounters;
  readonly stageTimes: StageHistograms;
  readonly loadSteps: readonly LoadStep[];
  readonly queuedBytes: number;
  /** What the media process counted of one source. */
  sourceCounters(source: SourceId): Partial<SourceSnapshot>;
}

/** A participant, as far as telemetry reads it. */
export interface MeasuredParticipant {
  readonly id: string;
  readonly screenSourceId: SourceId;
  readonly sourceId: SourceId;
  readonly visible: boolean;
  readonly output: { readonly queueMicros: Micros; readonly sent: SentCounters } | undefined;
  /** Counters that are in use: the same objects each time, until they start again. */
  liveCounters(): readonly Partial<ParticipantSnapshot>[];
}

/** Everything of a room that metrics need, read once. */
export interface RoomSnapshot {
  readonly totals: RoomTotals;
  readonly size: number;
  readonly numVisible: number;
  /** What waits, by queue. */
  readonly queues: {
    readonly link_bytes: number;
    readonly pacer_micros_max: Micros;
    readonly decoder_frames: number;
  };
  readonly stages: StageHistograms;
  /** Share of a tick that the composite takes, in percent. */
  readonly loadPercent: number;
  readonly loadLevel: number;
  /** Of the media process; undefined while there is none. */
  readonly cpuMicros: Micros | undefined;
  readonly rssBytes: number | undefined;
}

export class RoomTelemetry implements MeasuredRoom {
  private readonly counted = new CounterTotals<keyof RoomCounters>(PARTICIPANT_GAUGES);
  private readonly encodes = new EncodeTotals();

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
    return this.pipeline.mediaSnapshot?.gauges.load_overloaded === 1;
  }

  get cpuMicros(): Micros | undefined {
    return this.pipeline.mediaSnapshot?.counters.cpu_micros;
  }

  /** Counters and gauges of the room and its media process as they are now, flat for `/stats`. */
  get counters(): Record<string, number> {
    return {
      ...flatCounters(this.pipeline.mediaSnapshot),
      ...this.pipeline.counters,
      ...this.updates.counters,
    };
  }

  /** Counters since the room began, those of participants who left included. */
  get totals(): RoomTotals {
    const { mediaSnapshot, counters } = this.pipeline;
    for (const participant of this.participants()) this.count(participant);
    this.counted.observe('room', {
      ...mediaSnapshot?.counters,
      ...counters,
      ...this.updates.counters,
    });
    this.encodes.observe(mediaSnapshot?.encodes ?? []);
    return { counters: this.counted.totals, encodes: this.encodes.totals };
  }

  snapshot(): RoomSnapshot {
    const { mediaSnapshot: media, queuedBytes } = this.pipeline;
    const pacers = this.participants().map(({ output }) => output?.queueMicros ?? 0);
    return {
      totals: this.totals,
      size: this.size,
      numVisible: this.numVisible,
      queues: {
        link_bytes: queuedBytes,
        pacer_micros_max: Math.max(0, ...pacers),
        decoder_frames: media?.gauges.decoder_queue_frames ?? 0,
      },
      stages: this.stages,
      loadPercent: media?.gauges.load_percent ?? 0,
      loadLevel: this.loadLevel,
      cpuMicros: this.cpuMicros,
      rssBytes: media?.gauges.rss_bytes,
    };
  }

  /** Keeps what a participant who leaves has counted. */
  left(participant: MeasuredParticipant): void {
    this.count(participant);
    const { id } = participant;
    for (const owner of [id, `${id}/sent`, `${id}/screen`]) this.counted.forget(owner);
  }

  private count(participant: MeasuredParticipant): void {
    const { id, sourceId, screenSourceId, output } = participant;
    for (const counters of participant.liveCounters()) this.counted.observeLive(counters);
    this.counted.observe(`${id}/sent`, output?.sent ?? {});
    this.counted.observe(id, this.pipeline.sourceCounters(sourceId));
    this.counted.observe(`${id}/screen`, this.pipeline.sourceCounters(screenSourceId));
  }
}

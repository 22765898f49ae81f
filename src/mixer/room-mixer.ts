/**
 * A room in its media process. Encoded frames come in through `frame`, are decoded, composed or
 * mixed, encoded, and leave through the output:
 *
 *   video: frame -> SourceTable (decode) -> VideoLoop (compose, encode) -> output
 *   audio: frame -> AudioLoop (jitter buffers, mix, encode) -> output
 *
 * The loops meet in three places: each source's AvSync, who speaks (drawn as a border), and where
 * tiles are (heard in a stereo mix).
 */
import type { FaultCounters, FaultStage } from '../link/fault-stages.js';
import type {
  AudioInFrame,
  MediaEvent,
  MediaFrame,
  MixSettings,
  SourceId,
  SourceState,
  TilePlace,
  VideoInFrame,
} from '../link/link-messages.js';
import { type StageHistograms, StageTimes } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import type { JitterBufferSnapshot } from './audio/audio-jitter-buffer.js';
import { AudioLoop, type AudioLoopSnapshot } from './audio/audio-loop.js';
import { Faults, ROOM } from './faults.js';
import { type MixerTime, REAL_TIME } from './mixer-time.js';
import type { NativeCalls } from './native-calls.js';
import { SourceTable } from './source-table.js';
import { VideoLoop, type VideoLoopSnapshot } from './video/video-loop.js';

/** After an error in one of these, a source's video starts again. */
const VIDEO_STAGES: ReadonlySet<FaultStage> = new Set<FaultStage>([
  'video_decode',
  'video_timing',
  'tile_draw',
]);

export interface RoomMixerOutput {
  event(event: MediaEvent): void;
  frame(frame: MediaFrame): void;
}

export interface RoomMixerSnapshot {
  readonly video: VideoLoopSnapshot;
  readonly audio: AudioLoopSnapshot;
  /** Errors that were caught, by stage. */
  readonly faults: FaultCounters;
}

export class RoomMixer {
  readonly video: VideoLoop;
  readonly audio: AudioLoop;
  private readonly sources: SourceTable;
  private readonly faults: Faults;
  private readonly stages = new StageTimes();
  private closed = false;

  constructor(
    private readonly settings: MixSettings,
    private readonly output: RoomMixerOutput,
    time: MixerTime = REAL_TIME,
    native?: NativeCalls,
  ) {
    const { stages } = this;
    const now = () => time.now();
    const failed = (error: unknown) => this.fail(error);
    this.faults = new Faults(
      {
        fault: (report) => output.event({ type: 'fault', ...report }),
        recovered: (source) => output.event({ type: 'recovered', source }),
        caught: (source, stage) => {
          if (VIDEO_STAGES.has(stage)) this.sources.videoBroke(source);
        },
      },
      now,
      native,
    );
    const { faults } = this;
    this.sources = new SourceTable(
      {
        keyframeNeeded: (source) => output.event({ type: 'keyframe-needed', source }),
        corrupt: (source) => output.event({ type: 'corrupt', source, media: 'video' }),
        overBudget: (sources) => output.event({ type: 'over-budget', sources }),
      },
      stages,
      faults,
      settings.pixelRates,
      now,
    );
    this.audio = new AudioLoop(
      settings,
      this.sources,
      {
        frame: (frame) => output.frame(frame),
        speaking: (sources) => output.event({ type: 'speaking', sources }),
        dominant: (source) => output.event({ type: 'dominant', source }),
        failed,
      },
      stages,
      faults,
      time,
    );
    this.video = new VideoLoop(
      settings,
      this.sources,
      this.audio,
      {
        frame: (frame) => output.frame(frame),
        layout: (tiles, ptsMicros) => this.moveTiles(tiles, ptsMicros),
        load: (steps) => output.event({ type: 'load', steps }),
        hung: (source) => output.event({ type: 'hung', source }),
        failed,
      },
      stages,
      faults,
      time,
    );
  }

  async start(): Promise<void> {
    await this.audio.open();
    if (this.closed) return;
    this.audio.startTicks();
    this.video.startTicks();
  }

  /** Runs a command; an error in it is counted and told, and the room goes on. */
  command(run: () => void): void {
    this.faults.guard(ROOM, 'command', run);
  }

  setSources(states: readonly SourceState[]): void {
    this.sources.update(states);
    this.audio.setSources(states);
  }

  frame(frame: VideoInFrame | AudioInFrame): void {
    if (frame.kind === 'audio-in') this.audio.push(frame);
    else this.video.push(frame);
  }

  /** Resolves when all frames that were pushed are decoded, and all sources can be heard. */
  async idle(): Promise<void> {
    await Promise.all([this.sources.idle(), this.audio.idle()]);
  }

  snapshot(): RoomMixerSnapshot {
    return {
      video: this.video.snapshot(),
      audio: this.audio.snapshot(),
      faults: this.faults.snapshot(),
    };
  }

  /** Of each source's jitter buffer; undefined for sources that are not heard. */
  sourceSnapshots(): ReadonlyMap<SourceId, JitterBufferSnapshot | undefined> {
    return new Map([...this.sources].map(({ id }) => [id, this.audio.sourceSnapshot(id)]));
  }

  get stageTimes(): StageHistograms {
    return this.stages.histograms;
  }

  /** Resolves when no native call is under way and everything is freed. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await Promise.all([this.video.stop(), this.audio.stop()]);
    await this.sources.close();
    this.audio.close();
    this.video.close();
  }

  private moveTiles(tiles: readonly TilePlace[], ptsMicros: Micros): void {
    const middle = this.settings.width / 2;
    for (const { source, x, width } of tiles) {
      this.audio.place(source, (x + width / 2 - middle) / middle);
    }
    this.output.event({ type: 'layout', tiles, ptsMicros });
  }

  /** A bug, or no memory: the server replaces this process. */
  private fail(error: unknown): void {
    this.output.event({
      type: 'failed',
      message: error instanceof Error ? error.message : String(error),
    });
  }
}

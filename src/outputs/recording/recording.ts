/**
 * One recording of a room, from its start to its finished files. When the egress process that writes
 * it dies, another one continues with the next segment.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Anchor, OutputEvent, TrackFile, WriterCounters } from '../../link/egress-messages.js';
import type {
  AudioInFrame,
  AudioOutFrame,
  SourceId,
  VideoInFrame,
  VideoOutFrame,
  WatchedVideo,
} from '../../link/link-messages.js';
import type { Logger } from '../../logger.js';
import { FULL_MIX, type MediaOutput, type OutputDemand } from '../../rooms/media-output.js';
import { nowMicros } from '../../util/clock.js';
import { sleep } from '../../util/sleep.js';
import type { Micros } from '../../util/units.js';
import type { EgressLauncher } from '../egress-processes.js';
import {
  type EgressOpening,
  EgressSession,
  type EgressSessionCounters,
} from '../egress-session.js';
import type { RoomOutput } from '../output-registry.js';
import type { OutputRoom } from '../output-room.js';
import { finishRecording } from './finish-recording.js';
import type { RecordingManifest } from './recording-manifest.js';
import { RoomTimeline } from './room-timeline.js';
import { SegmentList } from './segment-list.js';
import { TimelineLog } from './timeline-log.js';
import { TrackOwners } from './track-owners.js';

/** Frames of the composite reach the recording within this time after their capture. */
const FLIGHT_MS = 250;
const BATCH_MS = 150;
/** Time to write the rest after a stop. */
const STOP_MS = 20_000;
const RESTART = { immediate: true, firstMs: 200, maxMs: 1000 } as const;
/** Processes in a row that may die before they have written anything. */
const MAX_CRASHES = 5;

export interface RecordingOptions {
  readonly folder: string;
  /** As it is at the start. */
  readonly manifest: RecordingManifest;
  /** Undefined means audio only. */
  readonly video: WatchedVideo | undefined;
  readonly audioBitrateBps: number;
  /** Record each participant's own media too. */
  readonly tracks: boolean;
  /** Distance of keyframes, so that players can seek; 0 asks for none. */
  readonly keyframeMs: number;
}

export interface RecordingEvents {
  /** The manifest changed; it must be stored. */
  onChanged(recording: Recording): void;
  /** More of the recording is on the disk. */
  onProgress(recording: Recording): void;
}

export class Recording implements RoomOutput, MediaOutput {
  readonly name: string;
  readonly demand: OutputDemand;
  private current: RecordingManifest;
  private readonly session: EgressSession;
  private readonly segments = new SegmentList();
  private readonly log: TimelineLog;
  private readonly timeline: RoomTimeline;
  private readonly owners = new TrackOwners();
  private nextTrack = 1;
  private writer: WriterCounters | undefined;
  /** Pause, resume and stop happen one after the other. */
  private queue: Promise<void> = Promise.resolve();
  private stopping: Promise<void> | undefined;

  constructor(
    readonly room: OutputRoom,
    private readonly options: RecordingOptions,
    private readonly processes: EgressLauncher,
    private readonly logger: Logger,
    private readonly events: RecordingEvents,
  ) {
    const { manifest, video, tracks, folder, keyframeMs } = options;
    this.current = manifest;
    this.name = `recording ${manifest.id}`;
    this.demand = {
      videos: video ? [video] : [],
      audio: true,
      mix: FULL_MIX,
      lowAudio: false,
      sources: tracks,
    };
    this.log = new TimelineLog(folder, (error) =>
      logger.warn({ error }, 'a line of the timeline could not be written'),
    );
    this.timeline = new RoomTimeline(
      room,
      this.log,
      () => this.segments.positionAt(nowMicros()) / 1000,
      (participant) => this.endTracks(participant),
    );
    this.session = new EgressSession(
      processes,
      {
        batchMs: BATCH_MS,
        keyframeMs,
        urgentKeyframes: false,
        restart: RESTART,
        maxFailures: MAX_CRASHES,
      },
      logger,
      {
        open: () => this.openSegment(),
        wantsKeyframes: () => this.current.status === 'recording',
        requestKeyframe: (urgent) => {
          if (video) room.requestKeyframe(video, urgent);
        },
        onEvent: (event) => this.handle(event),
        onFailure: (reason) => {
          logger.error({ reason }, 'egress process died');
          this.timeline.add({ type: 'interrupted' });
        },
        onGivenUp: (reason) => this.fault('egress_failed', `the recorder cannot run (${reason})`),
      },
    );
  }

  get id(): string {
    return this.current.id;
  }

  get manifest(): RecordingManifest {
    return this.current;
  }

  /** Process id of the egress process. */
  get pid(): number | undefined {
    return this.session.pid;
  }

  /** Counters of its session, and of the writer in its process if that has reported any. */
  snapshot(): {
    readonly session: Readonly<EgressSessionCounters>;
    readonly writer: WriterCounters | undefined;
  } {
    return { session: this.session.snapshot(), writer: this.writer };
  }

  /** Starts it; the first picture is in the file some tens of milliseconds later. */
  async start(): Promise<void> {
    await mkdir(this.options.folder, { recursive: true, mode: 0o700 });
    this.session.start();
    this.timeline.follow();
    this.room.addOutput(this);
  }

  /** Leaves out what is sent until {@link resume}. */
  pause(): Promise<void> {
    return this.inTurn(async () => {
      const { status } = this.current;
      if (status !== 'recording' && status !== 'starting') return;
      const at = nowMicros();
      this.timeline.add({ type: 'paused' });
      this.session.send({ type: 'pause', at });
      this.segments.paused(at);
      this.change({ status: 'paused' });
      await this.detach();
    });
  }

  resume(): Promise<void> {
    return this.inTurn(async () => {
      if (this.current.status !== 'paused') return;
      this.change({ status: 'recording' });
      this.session.send({ type: 'resume' });
      this.room.addOutput(this);
      this.timeline.add({ type: 'resumed' });
    });
  }

  /** Ends it. Resolves when its files are finished, or it has failed. */
  stop(): Promise<void> {
    this.stopping ??= this.inTurn(() => this.end());
    return this.stopping;
  }

  onVideo(frame: VideoOutFrame): void {
    this.session.write(frame);
  }

  onAudio(frame: AudioOutFrame): void {
    this.session.write(frame);
  }

  onSource(frame: VideoInFrame | AudioInFrame): void {
    const { source } = frame;
    if (!this.owners.has(source) && this.owners.add(source, this.room.participants)) {
      this.session.send(this.sourceCommand(source));
    }
    this.session.write(frame);
  }

  /** A bug: no more frames come, so it ends with what was written. */
  onFault(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.fault('egress_failed', `the recorder cannot run (${reason})`);
  }

  /** Starts the next segment, for a process that has just been started. */
  private openSegment(): EgressOpening {
    const { folder, audioBitrateBps, tracks } = this.options;
    const { format, audioCodec, video, status } = this.current;
    const isHalted = status === 'paused' || status === 'finishing';
    const name = `composite-${this.segments.segments.length + 1}.${format}.part`;
    const continues = this.segments.begin(name);
    this.change({ segments: this.segments.segments });
    const sources = this.owners.sources.map((source) => this.sourceCommand(source));
    return {
      commands: [
        {
          type: 'record',
          path: join(folder, name),
          format,
          video,
          audioCodec,
          audioBitrateBps,
          audioChannels: this.room.mix.audioChannels,
          ...(tracks ? { tracksFolder: folder } : {}),
          ...(continues ? { continues } : {}),
        },
        ...(isHalted ? [{ type: 'pause', at: nowMicros() } as const] : []),
        ...sources,
      ],
    };
  }

  private handle(event: OutputEvent): void {
    switch (event.type) {
      case 'running':
        this.running(event.anchor);
        break;
      case 'progress':
        this.segments.written(event.durationMicros);
        this.writer = event.counters;
        this.current = {
          ...this.current,
          durationMs: Math.round(this.segments.durationMicros / 1000),
          bytes: event.bytes,
        };
        this.events.onProgress(this);
        break;
      case 'source-keyframe-needed':
        this.room.requestSourceKeyframe(event.source);
        break;
      case 'track':
        this.addTrack(event.track);
        break;
      case 'fault':
        this.fault(event.code, event.message);
        break;
      default:
        event satisfies never;
    }
  }

  private running(anchor: Anchor): void {
    const { status } = this.current;
    if (status === 'paused') this.segments.startedWhilePaused(anchor);
    else this.segments.started(anchor);
    const { segments } = this.segments;
    if (status !== 'starting') this.change({ segments });
    else this.change({ segments, status: 'recording', startedAt: wallClockMs(anchor.clock) });
  }

  /** It cannot go on: it is ended, and participants see that at once. */
  private fault(code: string, message: string): void {
    if (this.current.error) return;
    this.logger.error({ code, message }, 'a recording failed');
    this.change({ error: { code, message } });
    this.stop().catch((error: unknown) => this.logger.error({ error }, 'a stop failed'));
  }

  private async end(): Promise<void> {
    const at = nowMicros();
    const wasPaused = this.current.status === 'paused';
    this.session.send({ type: 'pause', at });
    this.change({ status: 'finishing', endedAt: Date.now() });
    if (!wasPaused) await this.detach();
    this.timeline.stop();
    const stopped = await this.session.end(at, STOP_MS);
    if (stopped) {
      this.current = { ...this.current, durationMs: Math.round(stopped.durationMicros / 1000) };
    }
    await this.log.settled();
    this.change(
      await finishRecording(this.options.folder, this.current, this.processes, this.logger),
    );
  }

  /** Takes no more frames, once those that are on their way have come. */
  private async detach(): Promise<void> {
    await sleep(FLIGHT_MS);
    this.room.removeOutput(this);
    this.session.flush();
  }

  private sourceCommand(source: SourceId) {
    return { type: 'source', source, name: `track-${this.nextTrack++}` } as const;
  }

  private addTrack(file: TrackFile): void {
    const track = this.owners.describe(file);
    if (track) this.change({ tracks: [...this.current.tracks, track] });
  }

  private endTracks(participant: string): void {
    for (const source of this.owners.remove(participant)) {
      this.session.send({ type: 'source-gone', source });
    }
  }

  private change(change: Partial<RecordingManifest>): void {
    this.current = { ...this.current, ...change };
    this.events.onChanged(this);
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.queue.then(work);
    // A failure goes to the caller; the next one in the queue starts all the same.
    this.queue = turn.catch((error: unknown) => this.logger.debug({ error }, 'a change failed'));
    return turn;
  }
}

/** A moment of the monotonic clock, in milliseconds since 1970. */
function wallClockMs(clock: Micros): number {
  return Math.round(Date.now() - (nowMicros() - clock) / 1000);
}

/**
 * One recording of a room from its start to its finished files. The egress process that writes it may
 * die and is replaced: the next segment goes on where the other one was broken off.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Anchor, EgressEvent, Segment, TrackFile } from '../../link/egress-messages.js';
import type {
  AudioInFrame,
  AudioOutFrame,
  MediaCounters,
  VideoInFrame,
  VideoOutFrame,
  WatchedVideo,
} from '../../link/link-messages.js';
import type { Logger } from '../../logger.js';
import type { RecordingStatus } from '../../protocol/recording-info.js';
import type { ChatMessage } from '../../rooms/chat.js';
import { FULL_MIX, type MediaOutput, type OutputDemand } from '../../rooms/media-output.js';
import type { ParticipantInfo } from '../../rooms/participant-info.js';
import type { Room, RoomObserver } from '../../rooms/room.js';
import type { RoomLayout } from '../../rooms/room-layout.js';
import { nowMicros } from '../../util/clock.js';
import type { Micros } from '../../util/units.js';
import { EgressFrames } from '../egress-frames.js';
import type { EgressHandle, EgressLauncher } from '../egress-processes.js';
import { finishRecording } from './finish-recording.js';
import type { RecordingManifest } from './recording-manifest.js';
import { TimelineLog } from './timeline-log.js';
import { TrackOwners } from './track-owners.js';

/** What the composite has made until a moment has come out of it after so long. */
const FLIGHT_MS = 250;
/** Processes in a row that die before they have written anything. */
const MAX_CRASHES = 5;
const RESTART_MS = 200;
const BATCH_MS = 150;
const STOP_MS = 20_000;

export interface RecordingOptions {
  readonly folder: string;
  readonly manifest: RecordingManifest;
  readonly video: WatchedVideo | undefined;
  readonly audioBitrateBps: number;
  /** Each participant's own media too. */
  readonly tracks: boolean;
  /** Pictures can be begun with so often; 0 asks for none. */
  readonly keyframeMs: number;
}

export interface RecordingEvents {
  /** Anything about it; to be kept and told. */
  onChanged(): void;
  /** More of it is on the disk. */
  onProgress(): void;
}

export class Recording implements MediaOutput, RoomObserver {
  processRestarts = 0;
  /** What became of the frames in its process. */
  counters: MediaCounters = {};
  readonly name: string;
  readonly demand: OutputDemand;
  private readonly video: WatchedVideo | undefined;
  private manifest: RecordingManifest;
  private process: EgressHandle | undefined;
  private readonly timeline: TimelineLog;
  /** The latest start; undefined while it is paused, or waits for the first picture. */
  private anchor: Anchor | undefined;
  private endMicros: Micros = 0;
  private crashes = 0;
  private readonly batch = new EgressFrames(BATCH_MS, {
    send: (frame) => this.process?.sendFrame(frame) ?? true,
    onPictureLost: () => this.requestKeyframe(true),
  });
  private keyframeTimer: NodeJS.Timeout | undefined;
  private queue: Promise<void> = Promise.resolve();
  private stopping: Promise<void> | undefined;
  private answer: ((event: EgressEvent | undefined) => void) | undefined;
  private readonly owners = new TrackOwners();
  private nextTrack = 1;
  /** Segments, by path, that have something in them. */
  private readonly begun = new Set<string>();

  constructor(
    private readonly room: Room,
    private readonly options: RecordingOptions,
    private readonly processes: EgressLauncher,
    private readonly logger: Logger,
    private readonly events: RecordingEvents,
  ) {
    this.manifest = options.manifest;
    this.video = options.video;
    this.name = `recording ${options.manifest.id}`;
    this.demand = {
      videos: options.video ? [options.video] : [],
      audio: true,
      mix: FULL_MIX,
      lowAudio: false,
      sources: options.tracks,
    };
    this.timeline = new TimelineLog(options.folder, (error) =>
      logger.warn({ error }, 'a line of the timeline could not be written'),
    );
  }

  /** Those that the process did not take. */
  get framesDropped(): number {
    return this.batch.dropped;
  }

  get info(): RecordingManifest {
    return this.manifest;
  }

  /** Of the process that writes it. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  get status(): RecordingStatus {
    return this.manifest.status;
  }

  /** Begins; the first picture is in the file some tens of milliseconds later. */
  async start(): Promise<void> {
    await mkdir(this.options.folder, { recursive: true, mode: 0o700 });
    this.launch();
    this.room.observe(this);
    for (const info of this.room.visibleParticipants) this.onJoined(info);
    this.onLayout(this.room.layout);
    this.room.addOutput(this);
    this.requestKeyframe(true);
    const { keyframeMs } = this.options;
    if (keyframeMs === 0) return;
    this.keyframeTimer = setInterval(() => {
      if (this.status === 'recording') this.requestKeyframe(false);
    }, keyframeMs);
  }

  /** Leaves out what comes until {@link resume}. */
  pause(): Promise<void> {
    return this.inTurn(async () => {
      if (this.status !== 'recording' && this.status !== 'starting') return;
      const at = nowMicros();
      this.timeline.add({ type: 'paused' }, this.positionMs);
      this.process?.send({ type: 'pause', at });
      this.endMicros = Math.max(this.endMicros, this.positionAt(at));
      this.anchor = undefined;
      this.change({ status: 'paused' });
      await flight();
      this.room.removeOutput(this);
      this.batch.flush();
    });
  }

  resume(): Promise<void> {
    return this.inTurn(async () => {
      if (this.status !== 'paused') return;
      this.change({ status: 'recording' });
      this.process?.send({ type: 'resume' });
      this.room.addOutput(this);
      this.timeline.add({ type: 'resumed' }, this.positionMs);
    });
  }

  /** Ends it; resolves when its files are finished, or it has failed. */
  stop(): Promise<void> {
    this.stopping ??= this.inTurn(() => this.end());
    return this.stopping;
  }

  onVideo(frame: VideoOutFrame): void {
    this.batch.add(frame);
  }

  onAudio(frame: AudioOutFrame): void {
    this.batch.add(frame);
  }

  onSource(frame: VideoInFrame | AudioInFrame): void {
    const { source } = frame;
    if (!this.owners.has(source) && this.owners.add(source, this.room.participants)) {
      this.nameSource(source);
    }
    this.batch.add(frame);
  }

  onFault(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.fault('egress_failed', `the recorder cannot run (${reason})`);
  }

  onJoined({ id: participant, identity, name, mic, camera, screen }: ParticipantInfo): void {
    const what = { participant, identity, name, mic, camera, screen };
    this.timeline.add({ type: 'joined', ...what }, this.positionMs);
  }

  onChanged({ id: participant, identity, name, mic, camera, screen }: ParticipantInfo): void {
    const what = { participant, identity, name, mic, camera, screen };
    this.timeline.add({ type: 'changed', ...what }, this.positionMs);
  }

  onLeft(id: string): void {
    this.timeline.add({ type: 'left', participant: id }, this.positionMs);
    for (const source of this.owners.remove(id)) {
      this.process?.send({ type: 'source-gone', source });
    }
  }

  onSpeaking(participants: readonly string[]): void {
    this.timeline.add({ type: 'speaking', participants }, this.positionMs);
  }

  onLayout({ mode, regions }: RoomLayout): void {
    this.timeline.add({ type: 'layout', mode, regions }, this.positionMs);
  }

  onChat({ from: participant, name, text }: ChatMessage): void {
    this.timeline.add({ type: 'chat', participant, name, text }, this.positionMs);
  }

  private get positionMs(): number {
    return this.positionAt(nowMicros()) / 1000;
  }

  private positionAt(clock: Micros): Micros {
    const { anchor } = this;
    return anchor ? Math.max(0, clock - anchor.clock + anchor.file) : this.endMicros;
  }

  private launch(): void {
    const { folder, audioBitrateBps } = this.options;
    const { format, audioCodec, video, segments } = this.manifest;
    const name = `composite-${segments.length + 1}.${format}.part`;
    this.change({ segments: [...segments, { path: name, offsetMicros: this.endMicros }] });
    const process: EgressHandle = this.processes.launch(this.logger, {
      onEvent: (event) => this.handle(event),
      onCrash: (reason) => this.crashed(process, reason),
    });
    this.process = process;
    process.send({
      type: 'record',
      path: join(folder, name),
      format,
      video,
      audioCodec,
      audioBitrateBps,
      audioChannels: this.room.mix.audioChannels,
      ...(this.options.tracks ? { tracksFolder: folder } : {}),
      ...(segments.length > 0
        ? { continues: { file: this.endMicros, ...(this.anchor ? { anchor: this.anchor } : {}) } }
        : {}),
    });
    if (this.status === 'paused') process.send({ type: 'pause', at: nowMicros() });
    for (const source of this.owners.sources) this.nameSource(source);
  }

  private handle(event: EgressEvent): void {
    switch (event.type) {
      case 'running':
        this.running(event.anchor);
        break;
      case 'progress':
        this.crashes = 0;
        this.endMicros = Math.max(this.endMicros, event.durationMicros);
        this.counters = event.counters;
        this.manifest = {
          ...this.manifest,
          durationMs: Math.round(this.endMicros / 1000),
          bytes: event.bytes,
        };
        this.events.onProgress();
        break;
      case 'keyframe-needed':
        this.requestKeyframe(true);
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
      case 'stopped':
        this.answer?.(event);
        break;
      default:
        break;
    }
  }

  private running(anchor: Anchor): void {
    // One that was on its way when the pause began does not end it.
    this.anchor = this.status === 'paused' ? undefined : anchor;
    const segments = [...this.manifest.segments];
    const last = segments.at(-1) as Segment;
    const isFirst = this.status === 'starting';
    // A segment's offset is where it began, not where it went on after a pause.
    if (!this.begun.has(last.path)) {
      this.begun.add(last.path);
      segments[segments.length - 1] = { ...last, offsetMicros: anchor.file };
    }
    this.change({
      segments,
      ...(isFirst ? { status: 'recording', startedAt: wallClockOf(anchor.clock) } : {}),
    });
  }

  private crashed(process: EgressHandle, reason: string): void {
    if (this.process !== process) return;
    this.process = undefined;
    this.answer?.(undefined);
    if (this.stopping) return;
    this.crashes++;
    this.processRestarts++;
    this.logger.error({ reason, recording: this.manifest.id }, 'egress process died');
    if (this.crashes > MAX_CRASHES) {
      this.fault('egress_failed', `the recorder cannot run (${reason})`);
      return;
    }
    this.timeline.add({ type: 'interrupted' }, this.positionMs);
    setTimeout(
      () => {
        if (!this.process && !this.stopping) this.launch();
      },
      RESTART_MS * (this.crashes - 1),
    );
  }

  /** What is written ends; the room hears of it at once. */
  private fault(code: string, message: string): void {
    if (this.manifest.error) return;
    this.logger.error({ code, message, recording: this.manifest.id }, 'a recording broke');
    this.change({ error: { code, message } });
    this.stop().catch((error: unknown) => this.logger.error({ error }, 'a stop failed'));
  }

  private async end(): Promise<void> {
    clearInterval(this.keyframeTimer);
    const at = nowMicros();
    const wasPaused = this.status === 'paused';
    this.process?.send({ type: 'pause', at });
    this.change({ status: 'finishing', endedAt: Date.now() });
    if (!wasPaused) await flight();
    this.room.removeOutput(this);
    this.batch.flush();
    this.room.stopObserving(this);
    await this.endProcess(at);
    await this.timeline.settled();
    const finished = await finishRecording(
      this.options.folder,
      this.manifest,
      this.processes,
      this.logger,
    );
    this.change(finished);
  }

  private async endProcess(at: Micros): Promise<void> {
    const { process } = this;
    if (!process) return;
    const stopped = new Promise<EgressEvent | undefined>((resolve) => {
      this.answer = resolve;
      setTimeout(() => resolve(undefined), STOP_MS).unref();
    });
    process.send({ type: 'stop', at });
    const event = await stopped;
    if (event?.type === 'stopped') {
      this.manifest = { ...this.manifest, durationMs: Math.round(event.durationMicros / 1000) };
    }
    this.process = undefined;
    await process.close();
  }

  private nameSource(source: number): void {
    this.process?.send({ type: 'source', source, name: `track-${this.nextTrack++}` });
  }

  private addTrack(file: TrackFile): void {
    const track = this.owners.describe(file);
    if (track) this.change({ tracks: [...this.manifest.tracks, track] });
  }

  private requestKeyframe(urgent: boolean): void {
    if (this.video) this.room.requestKeyframe(this.video, urgent);
  }

  private change(change: Partial<RecordingManifest>): void {
    this.manifest = { ...this.manifest, ...change };
    this.events.onChanged();
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => {});
    return turn;
  }
}

/** In ms since 1970. */
function wallClockOf(clock: Micros): number {
  return Math.round(Date.now() - (nowMicros() - clock) / 1000);
}

function flight(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, FLIGHT_MS));
}

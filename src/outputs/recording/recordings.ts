/** The recordings of all rooms: started, paused and stopped by the API, or with their rooms. */
import { randomBytes } from 'node:crypto';
import { TesseraError } from '../../errors.js';
import type { WriterCounters } from '../../link/egress-messages.js';
import type { Logger } from '../../logger.js';
import type { RecordingInfo, RecordingRequest } from '../../protocol/recording-info.js';
import { isOver } from '../../protocol/recording-status.js';
import type { EgressState } from '../../rooms/room.js';
import type { EgressPhase } from '../../rooms/room-update.js';
import { sleep } from '../../util/sleep.js';
import type { EgressLauncher } from '../egress-processes.js';
import { OutputRegistry } from '../output-registry.js';
import type { OutputRoom } from '../output-room.js';
import { Recording } from './recording.js';
import {
  type ArchiveCounters,
  RecordingArchive,
  type RecordingArchiveOptions,
} from './recording-archive.js';
import { infoOf, type RecordingManifest } from './recording-manifest.js';
import { planRecording, type RecordingDefaults } from './recording-plan.js';

export interface RecordingsOptions extends RecordingArchiveOptions, RecordingDefaults {
  readonly audioBitrateBps: number;
  /** What participants hear when a recording starts and stops. */
  readonly announce: 'off' | 'tone' | 'voice';
  /** Record each room as soon as somebody joins. */
  readonly automatic: boolean;
  /** Distance of keyframes; 0 asks for none. */
  readonly keyframeMs: number;
}

/** Counters as they are named in `/v1/stats`. Those of frames and packets are of running recordings. */
export interface RecordingCounters extends ArchiveCounters, WriterCounters {
  readonly recordings_started: number;
  readonly recordings_finished: number;
  readonly recordings_failed: number;
  readonly recordings_disk_full: number;
  readonly recordings_active: number;
  /** Frames that an egress process did not take. */
  readonly recording_frames_dropped: number;
  /** Frames that came while there was no egress process. */
  readonly recording_frames_missed: number;
  readonly recording_process_restarts: number;
  /** Process ids of the egress processes, by recording. */
  readonly pids: Readonly<Record<string, number | undefined>>;
}

/** On shutdown recordings may take this long to end; the next start finishes the others. */
const CLOSE_MS = 15_000;

export class Recordings {
  readonly archive: RecordingArchive;
  private readonly counters = {
    recordings_started: 0,
    recordings_finished: 0,
    recordings_failed: 0,
    recordings_disk_full: 0,
  };
  private readonly registry: OutputRegistry<Recording>;

  constructor(
    private readonly options: RecordingsOptions,
    private readonly processes: EgressLauncher,
    private readonly logger: Logger,
  ) {
    this.archive = new RecordingArchive(options, processes, logger);
    this.registry = new OutputRegistry(
      {
        maxPerRoom: 1,
        tooMany: () =>
          new TesseraError('recording_exists', 'the room is being recorded already', {
            next: 'Stop it first, or resume it.',
          }),
        stateOf: ([recording]) => ({ recording: stateOf(recording) }),
      },
      logger,
    );
  }

  /** Loads what is known of earlier recordings. */
  start(): Promise<void> {
    return this.archive.start();
  }

  snapshot(): RecordingCounters {
    const { all } = this.registry;
    const counters = all.map((recording) => recording.snapshot());
    const sum = (count: (one: (typeof counters)[number]) => number | undefined) =>
      counters.reduce((total, one) => total + (count(one) ?? 0), 0);
    return {
      ...this.counters,
      ...this.archive.snapshot(),
      recordings_active: all.length,
      recording_frames_dropped: sum(({ session }) => session.framesDropped),
      recording_frames_missed: sum(({ session }) => session.framesMissed),
      recording_process_restarts: sum(({ session }) => session.restarts),
      video_before_keyframe: sum(({ writer }) => writer?.video_before_keyframe),
      audio_packets_filled: sum(({ writer }) => writer?.audio_packets_filled),
      audio_packets_left_out: sum(({ writer }) => writer?.audio_packets_left_out),
      frames_not_written: sum(({ writer }) => writer?.frames_not_written),
      pids: Object.fromEntries(all.map(({ id, pid }) => [id, pid])),
    };
  }

  /**
   * Starts to record a room.
   * @throws TesseraError `recording_exists`, `bad_recording`, `disk_low`, `shutting_down`,
   *   `room_ended`, `write_failed`.
   */
  async record(room: OutputRoom, request: RecordingRequest): Promise<RecordingInfo> {
    const recording = await this.registry.add(room, () => this.create(room, request));
    this.counters.recordings_started++;
    try {
      await recording.start();
    } catch (error) {
      this.registry.remove(recording);
      await this.archive.forget(recording.id);
      throw TesseraError.from(error, 'write_failed');
    }
    const { id, manifest } = recording;
    this.logger.info(
      { room: room.id, recording: id, format: manifest.format },
      'recording started',
    );
    this.announce('started', room, manifest);
    this.playAnnouncement(room, 'started');
    return infoOf(manifest);
  }

  /** @throws TesseraError `recording_not_found`, `recording_over`. */
  async pause(id: string): Promise<RecordingInfo> {
    const recording = this.running(id);
    await recording.pause();
    return infoOf(recording.manifest);
  }

  /** @throws TesseraError `recording_not_found`, `recording_over`. */
  async resume(id: string): Promise<RecordingInfo> {
    const recording = this.running(id);
    await recording.resume();
    return infoOf(recording.manifest);
  }

  /**
   * Ends a recording; its files are finished some time later.
   * @throws TesseraError `recording_not_found`, `recording_over`.
   */
  stop(id: string): RecordingInfo {
    const recording = this.running(id);
    recording
      .stop()
      .catch((error: unknown) => this.logger.error({ error }, 'a recording did not stop'));
    return infoOf(recording.manifest);
  }

  /**
   * Records a room when the first participant joins, if it is to be recorded automatically, and ends
   * its recording when the room ends. Called once for each room.
   */
  follow(room: OutputRoom): void {
    this.registry.follow(room);
    // Once per room: a recording that was stopped stays stopped.
    let wasStarted = false;
    room.updates.follow(({ type }) => {
      if (type !== 'joined' || wasStarted) return;
      const request = room.settings.record ?? (this.options.automatic ? {} : undefined);
      if (!request) return;
      wasStarted = true;
      if (this.registry.inRoom(room.sid).length > 0) return;
      this.record(room, request).catch((error: unknown) =>
        this.logger.error({ error, room: room.id }, 'a room could not be recorded automatically'),
      );
    });
  }

  async close(): Promise<void> {
    const closing = new AbortController();
    const late = sleep(CLOSE_MS, closing.signal);
    await Promise.race([this.registry.close(), late]);
    await this.archive.close(late);
    closing.abort();
  }

  private async create(room: OutputRoom, request: RecordingRequest): Promise<Recording> {
    const { audioBitrateBps, keyframeMs } = this.options;
    const { format, audioCodec, video, tracks } = planRecording(room, request, this.options);
    await this.archive.checkSpace();
    await room.start();
    const id = newId();
    const rendition = video && (video.own ?? room.mix.renditions[video.rendition]);
    const manifest: RecordingManifest = {
      id,
      room: room.id,
      roomSid: room.sid,
      status: 'starting',
      format,
      audioCodec,
      ...(video && rendition
        ? { video: { codec: video.codec, width: rendition.width, height: rendition.height } }
        : {}),
      startedAt: Date.now(),
      durationMs: 0,
      bytes: 0,
      files: [],
      tracks: [],
      store: 'local',
      segments: [],
    };
    return new Recording(
      room,
      { folder: this.archive.folderOf(id), manifest, video, audioBitrateBps, tracks, keyframeMs },
      this.processes,
      this.logger.child({ room: room.id, recording: id }),
      {
        onChanged: (recording) => this.changed(recording),
        onProgress: (recording) => this.archive.grew(this.archive.note(recording.manifest)),
      },
    );
  }

  private changed(recording: Recording): void {
    const { room } = recording;
    const before = this.archive.find(recording.id);
    const manifest = this.archive.note(recording.manifest);
    this.archive
      .keep(manifest)
      .catch((error: unknown) => this.logger.error({ error }, 'a manifest could not be stored'));
    if (isOver(manifest)) this.ended(recording, manifest);
    else if (before) this.announceChange(room, before, manifest);
    this.registry.updateRoom(room);
  }

  private announceChange(
    room: OutputRoom,
    before: RecordingManifest,
    now: RecordingManifest,
  ): void {
    const hasNewError = now.error !== before.error;
    if (hasNewError && now.error?.code === 'disk_full') this.counters.recordings_disk_full++;
    if (now.status === before.status && !hasNewError) return;
    this.announce('updated', room, now);
    if (now.status === 'finishing') this.playAnnouncement(room, 'stopped');
  }

  private ended(recording: Recording, manifest: RecordingManifest): void {
    const { id, status, error, durationMs } = manifest;
    this.registry.remove(recording);
    this.counters[status === 'failed' ? 'recordings_failed' : 'recordings_finished']++;
    this.logger.info({ recording: id, status, error, durationMs }, 'recording ended');
    this.announce('ended', recording.room, manifest);
    this.archive.ended(id);
  }

  /** Participants hear that the recording starts or stops. */
  private playAnnouncement(room: OutputRoom, text: 'started' | 'stopped'): void {
    const { announce } = this.options;
    if (announce !== 'off') room.announce(text, announce);
  }

  private announce(phase: EgressPhase, room: OutputRoom, manifest: RecordingManifest): void {
    room.updates.publish({ type: 'recording', phase, recording: infoOf(manifest) });
  }

  /** A recording that has not been stopped. */
  private running(id: string): Recording {
    const { status } = this.archive.get(id);
    const recording = this.registry.find(id);
    if (recording && status !== 'finishing') return recording;
    throw new TesseraError('recording_over', 'the recording has ended');
  }
}

/** Names the folder too: sorts by time and cannot be guessed. */
function newId(): string {
  const time = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  return `${time}-${randomBytes(6).toString('hex')}`;
}

/** What participants see of a room's recording. */
function stateOf(recording: Recording | undefined): EgressState['recording'] {
  const status = recording?.manifest.status;
  if (status === 'paused') return 'paused';
  return status === 'starting' || status === 'recording' ? 'on' : 'off';
}

/** All recordings of the server: begun, ended, kept, and saved from what a crash left behind. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraError } from '../../errors.js';
import type { MediaCounters } from '../../link/link-messages.js';
import type { Logger } from '../../logger.js';
import {
  isOver,
  type RecordingInfo,
  type RecordingRequest,
} from '../../protocol/recording-info.js';
import type { Room } from '../../rooms/room.js';
import { type RoomEvent, type RoomEventName, roomEvent } from '../../rooms/room-events.js';
import { RecordStore } from '../../util/record-store.js';
import type { EgressLauncher } from '../egress-processes.js';
import { Delivery } from './delivery.js';
import { finishRecording } from './finish-recording.js';
import { findOrphans } from './orphans.js';
import { Recording } from './recording.js';
import { infoOf, type RecordingManifest } from './recording-manifest.js';
import { planRecording, type RecordingDefaults } from './recording-plan.js';
import { expired, type Retention } from './retention.js';
import { type S3Options, S3Store, type StoredFile } from './s3-store.js';

export interface RecordingsOptions extends RecordingDefaults {
  /** Everything is in it. */
  readonly folder: string;
  readonly audioBitrateBps: number;
  /** What everybody hears when it begins and ends. */
  readonly announce: 'off' | 'tone' | 'voice';
  /** Rooms are recorded from the start. */
  readonly automatic: boolean;
  /** Below, no recording is begun. */
  readonly minFreeBytes: number;
  readonly keyframeMs: number;
  readonly retention: Retention;
  /** Undefined keeps them where they were written. */
  readonly s3: S3Options | undefined;
}

const RETENTION_MS = 600_000;
/** What ends with the server may take so long; the next one finishes what does not. */
const CLOSE_MS = 15_000;

export class Recordings {
  readonly counters = {
    recordings_started: 0,
    recordings_finished: 0,
    recordings_failed: 0,
    recordings_salvaged: 0,
    recordings_disk_full: 0,
  };
  private readonly active = new Map<string, Recording>();
  private readonly known = new Map<string, RecordingManifest>();
  private readonly store: RecordStore<RecordingManifest>;
  /** By sid: rooms of which a recording is about to begin. */
  private readonly beginning = new Set<string>();
  /** By sid: rooms that were begun to be recorded by themselves. */
  private readonly begun = new Set<string>();
  private readonly s3: S3Store | undefined;
  private readonly delivery: Delivery | undefined;
  private retentionTimer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly options: RecordingsOptions,
    private readonly processes: EgressLauncher,
    private readonly logger: Logger,
    private readonly publish: (event: RoomEvent) => void,
  ) {
    this.store = new RecordStore(join(options.folder, '.index'), (error) =>
      logger.error({ error }, 'what is known of a recording could not be kept'),
    );
    if (!options.s3) return;
    this.s3 = new S3Store(options.s3);
    this.delivery = new Delivery(
      this.s3,
      {
        folderOf: (id) => this.folderOf(id),
        manifestOf: (id) => this.known.get(id),
        change: async (id, change) => {
          const known = this.known.get(id);
          if (!known) return;
          this.known.set(id, { ...known, ...change });
          await this.store.put(id, { ...known, ...change });
        },
      },
      logger,
    );
  }

  /** Takes up what is there; what was being written when the server ended is finished meanwhile. */
  async start(): Promise<void> {
    for (const [id, manifest] of await this.store.load()) this.known.set(id, manifest);
    const orphans = await findOrphans(this.options.folder, (id) => this.known.has(id));
    for (const manifest of orphans) this.known.set(manifest.id, manifest);
    for (const [id, manifest] of this.known) {
      if (isOver(manifest) && manifest.store === 'local') this.delivery?.deliver(id);
    }
    const unfinished = [...this.known.values()].filter((manifest) => !isOver(manifest));
    this.salvage(unfinished).catch((error: unknown) =>
      this.logger.error({ error }, 'recordings could not be salvaged'),
    );
    this.retentionTimer = setInterval(() => this.retain(), RETENTION_MS);
    this.retain();
  }

  /** Counters, and the processes of those that go on. */
  stats(): Record<string, unknown> {
    const active = [...this.active.values()];
    const total = (of: 'framesDropped' | 'processRestarts') =>
      active.reduce((sum, recording) => sum + recording[of], 0);
    return {
      ...this.counters,
      ...this.delivery?.counters,
      recordings_active: active.length,
      recording_frames_dropped: total('framesDropped'),
      recording_process_restarts: total('processRestarts'),
      ...sumOf(active.map(({ counters }) => counters)),
      pids: Object.fromEntries(active.map(({ info, pid }) => [info.id, pid])),
    };
  }

  /** All of a room's, or of all rooms; the latest first. */
  list(room?: string): RecordingInfo[] {
    return [...this.known.values()]
      .filter((manifest) => room === undefined || manifest.room === room)
      .sort((a, b) => b.startedAt - a.startedAt)
      .map(infoOf);
  }

  /** The room of a recording, if there is one of that id. */
  roomOf(id: string): string | undefined {
    return this.known.get(id)?.room;
  }

  /** @throws TesseraError `recording_not_found`. */
  find(id: string): RecordingInfo {
    return infoOf(this.manifestOf(id));
  }

  /** The room's that goes on. */
  of(room: Room): RecordingInfo | undefined {
    const found = [...this.active.values()].find(({ info }) => info.roomSid === room.sid);
    return found && infoOf(found.info);
  }

  /**
   * Where a recording's file is; without a folder it is in the store.
   * @throws TesseraError `recording_not_found`.
   */
  fileOf(id: string, name: string): { readonly folder: string | undefined; readonly name: string } {
    const { files, store } = this.manifestOf(id);
    const file = files.find((one) => one.name === name);
    if (!file) {
      throw new TesseraError('recording_not_found', 'the recording has no such file', {
        next: 'See its `files`; there are none before it is finished.',
      });
    }
    return { folder: store === 's3' ? undefined : this.folderOf(id), name: file.name };
  }

  /** A file from the store, or a range of it. @throws TesseraError `recording_not_found`, `store_failed`. */
  async stored(id: string, name: string, range: string | undefined): Promise<StoredFile> {
    if (!this.s3) {
      throw new TesseraError('store_failed', 'the store of this recording is not configured', {
        next: 'Set recording.s3Bucket as it was.',
      });
    }
    return this.s3.get(`${id}/${name}`, range);
  }

  /**
   * Begins to record a room.
   * @throws TesseraError `recording_exists`, `bad_recording`, `disk_low`, `shutting_down`.
   */
  async record(room: Room, request: RecordingRequest): Promise<RecordingInfo> {
    if (this.closed) throw new TesseraError('shutting_down', 'the server is shutting down');
    if (this.of(room) || this.beginning.has(room.sid)) {
      throw new TesseraError('recording_exists', 'the room is being recorded already', {
        next: 'Stop it first, or resume it.',
      });
    }
    const { format, audioCodec, video, tracks } = planRecording(room, request, this.options);
    this.beginning.add(room.sid);
    try {
      await this.checkSpace();
      await room.start();
    } finally {
      this.beginning.delete(room.sid);
    }
    const id = `${new Date().toISOString().replace(/\D/g, '').slice(0, 14)}-${randomBytes(6).toString('hex')}`;
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
    const recording: Recording = new Recording(
      room,
      {
        folder: this.folderOf(id),
        manifest,
        video,
        audioBitrateBps: this.options.audioBitrateBps,
        tracks,
        keyframeMs: this.options.keyframeMs,
      },
      this.processes,
      this.logger.child({ room: room.id, recording: id }),
      {
        onChanged: () => this.changed(recording, room),
        onProgress: () => this.delivery?.grew(this.progressed(recording)),
      },
    );
    this.active.set(id, recording);
    this.counters.recordings_started++;
    try {
      await recording.start();
    } catch (error) {
      this.forget(id);
      throw TesseraError.from(error, 'write_failed');
    }
    this.logger.info({ room: room.id, recording: id, format }, 'recording started');
    this.tell('egress_started', room, recording.info);
    this.announce(room, 'started');
    return infoOf(recording.info);
  }

  /** @throws TesseraError `recording_not_found`, `recording_over`. */
  async pause(id: string): Promise<RecordingInfo> {
    const recording = this.activeOf(id);
    await recording.pause();
    return infoOf(recording.info);
  }

  /** @throws TesseraError `recording_not_found`, `recording_over`. */
  async resume(id: string): Promise<RecordingInfo> {
    const recording = this.activeOf(id);
    await recording.resume();
    return infoOf(recording.info);
  }

  /** Ends it; its files are finished some time later. @throws TesseraError as `pause` does. */
  stop(id: string): RecordingInfo {
    const recording = this.activeOf(id);
    recording
      .stop()
      .catch((error: unknown) => this.logger.error({ error }, 'a recording did not stop'));
    return infoOf(recording.info);
  }

  /** Deletes one that is over. @throws TesseraError `recording_not_found`, `recording_busy`. */
  async delete(id: string): Promise<void> {
    const manifest = this.manifestOf(id);
    if (!isOver(manifest)) {
      throw new TesseraError('recording_busy', 'it is not finished', { next: 'Stop it first.' });
    }
    if (this.delivery?.has(id)) {
      throw new TesseraError('recording_busy', 'it is on its way into the store', {
        next: 'Try again in a moment.',
      });
    }
    if (manifest.store === 's3') {
      await this.s3?.delete(manifest.files.map(({ name }) => `${id}/${name}`));
    }
    this.known.delete(id);
    await this.store.delete(id);
    await rm(this.folderOf(id), { recursive: true, force: true });
    this.logger.info({ recording: id }, 'recording deleted');
  }

  /** To be told of all that happens in rooms. */
  onRoomEvent({ event, room: { sid } }: RoomEvent, room: Room | undefined): void {
    if (event === 'room_finished') {
      this.begun.delete(sid);
      for (const [id, recording] of this.active) {
        if (recording.info.roomSid === sid && !isOver(recording.info)) this.stop(id);
      }
    }
    if (event !== 'participant_joined' || !room || this.begun.has(sid)) return;
    const { record } = room.settings;
    if (!record && !this.options.automatic) return;
    this.begun.add(sid);
    if (this.of(room)) return;
    this.record(room, record ?? {}).catch((error: unknown) =>
      this.logger.error({ error, room: room.id }, 'a room is not recorded, though it should be'),
    );
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.retentionTimer);
    const all = [...this.active.values()].map((recording) => recording.stop());
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([Promise.allSettled(all), late]);
    await Promise.race([this.delivery?.close(), late]);
    clearTimeout(timer);
    await this.s3?.close();
    await this.store.settled();
  }

  private async checkSpace(): Promise<void> {
    const { folder, minFreeBytes } = this.options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize >= minFreeBytes) return;
    throw new TesseraError('disk_low', 'there is too little space left to record', {
      next: 'Delete recordings, or lower recording.minFreeSpace.',
    });
  }

  private changed(recording: Recording, room: Room): void {
    const before = this.known.get(recording.info.id);
    const info = this.progressed(recording);
    this.store.put(info.id, info);
    if (isOver(info)) this.over(info, room);
    else if (before && (before.status !== info.status || before.error !== info.error)) {
      const isNew = info.error !== before.error;
      if (isNew && info.error?.code === 'disk_full') this.counters.recordings_disk_full++;
      this.tell('egress_updated', room, info);
      if (info.status === 'finishing') this.announce(room, 'stopped');
    }
    room.setEgress({ ...room.egress, recording: this.stateOf(room) });
  }

  /** What is known of it now; it is kept with the next change. */
  private progressed({ info }: Recording): RecordingManifest {
    const { uploads = {} } = this.known.get(info.id) ?? {};
    const manifest = { ...info, uploads };
    this.known.set(info.id, manifest);
    return manifest;
  }

  private over(info: RecordingManifest, room: Room): void {
    this.active.delete(info.id);
    this.counters[info.status === 'failed' ? 'recordings_failed' : 'recordings_finished']++;
    const { id, status, error, durationMs } = info;
    this.logger.info({ recording: id, status, error, durationMs }, 'recording ended');
    this.tell('egress_ended', room, info);
    this.delivery?.deliver(id);
    this.retain();
  }

  private announce(room: Room, text: 'started' | 'stopped'): void {
    const { announce } = this.options;
    if (announce !== 'off') room.announce(text, announce);
  }

  private stateOf(room: Room): 'off' | 'on' | 'paused' {
    const status = this.of(room)?.status;
    if (status === 'paused') return 'paused';
    return status === 'starting' || status === 'recording' ? 'on' : 'off';
  }

  private tell(name: RoomEventName, room: Room, manifest: RecordingManifest): void {
    this.publish(roomEvent(name, room, { recording: infoOf(manifest) }));
  }

  private forget(id: string): void {
    this.active.delete(id);
    this.known.delete(id);
    this.store.delete(id);
  }

  private manifestOf(id: string): RecordingManifest {
    const found = this.known.get(id);
    if (!found) throw new TesseraError('recording_not_found', 'there is no such recording');
    return found;
  }

  private activeOf(id: string): Recording {
    const { status } = this.manifestOf(id);
    const recording = this.active.get(id);
    if (recording && status !== 'finishing') return recording;
    throw new TesseraError('recording_over', 'the recording has ended');
  }

  /** Only what the server made itself reaches a path. */
  private folderOf(id: string): string {
    return join(this.options.folder, id);
  }

  private async salvage(manifests: readonly RecordingManifest[]): Promise<void> {
    for (const manifest of manifests) {
      if (this.closed) return;
      const { id } = manifest;
      try {
        const change = await finishRecording(
          this.folderOf(id),
          manifest,
          this.processes,
          this.logger,
        );
        const done = { ...manifest, ...change };
        this.known.set(id, done);
        await this.store.put(id, done);
        this.counters.recordings_salvaged++;
        this.delivery?.deliver(id);
        this.logger.warn({ recording: id, durationMs: done.durationMs }, 'recording salvaged');
      } catch (error) {
        this.logger.error({ error, recording: id }, 'a recording could not be salvaged');
      }
    }
  }

  private retain(): void {
    for (const id of expired(this.list(), this.options.retention, Date.now())) {
      this.delete(id).catch((error: unknown) =>
        this.logger.error({ error, recording: id }, 'an old recording could not be deleted'),
      );
    }
  }
}

/** Counters of all of them, together. */
function sumOf(all: readonly MediaCounters[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [name, value] of all.flatMap((counters) => Object.entries(counters))) {
    total[name] = (total[name] ?? 0) + value;
  }
  return total;
}

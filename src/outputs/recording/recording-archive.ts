/**
 * All recordings that the server knows: their manifests and their files, on the disk and in the store.
 * After a crash it finds unfinished recordings and finishes them.
 */
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraError } from '../../errors.js';
import type { Logger } from '../../logger.js';
import type { RecordingInfo } from '../../protocol/recording-info.js';
import { isOver } from '../../protocol/recording-status.js';
import { RecordStore } from '../../util/record-store.js';
import type { EgressLauncher } from '../egress-processes.js';
import { Delivery, type DeliveryCounters } from './delivery.js';
import { finishRecording } from './finish-recording.js';
import { findOrphans } from './orphans.js';
import { infoOf, type RecordingManifest } from './recording-manifest.js';
import { expired, type Retention } from './retention.js';
import { type S3Options, S3Store, type StoredFile } from './s3-store.js';

export interface RecordingArchiveOptions {
  /** Folder for all recordings; each has a folder of its own in it. */
  readonly folder: string;
  /** With less free space than this no recording starts. */
  readonly minFreeBytes: number;
  readonly retention: Retention;
  /** Undefined leaves the files where they were written. */
  readonly s3: S3Options | undefined;
}

/** Counters as they are named in `/v1/stats`. */
export interface ArchiveCounters extends Partial<DeliveryCounters> {
  /** Recordings finished after a crash. */
  readonly recordings_salvaged: number;
}

const RETENTION_CHECK_MS = 600_000;

export class RecordingArchive {
  private salvaged = 0;
  private readonly manifests = new Map<string, RecordingManifest>();
  private readonly records: RecordStore<RecordingManifest>;
  private readonly s3: S3Store | undefined;
  private readonly delivery: Delivery | undefined;
  private retentionTimer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly options: RecordingArchiveOptions,
    private readonly processes: EgressLauncher,
    private readonly logger: Logger,
  ) {
    this.records = new RecordStore(join(options.folder, '.index'), (error) =>
      logger.error({ error }, 'the manifest of a recording could not be stored'),
    );
    if (!options.s3) return;
    this.s3 = new S3Store(options.s3);
    this.delivery = new Delivery(
      this.s3,
      {
        folderOf: (id) => this.folderOf(id),
        manifestOf: (id) => this.manifests.get(id),
        change: async (id, change) => {
          const known = this.manifests.get(id);
          if (known) await this.keep({ ...known, ...change });
        },
      },
      logger,
    );
  }

  /** Loads all manifests. Unfinished recordings are finished in the background. */
  async start(): Promise<void> {
    for (const [id, manifest] of await this.records.load()) this.manifests.set(id, manifest);
    const orphans = await findOrphans(this.options.folder, (id) => this.manifests.has(id));
    for (const manifest of orphans) this.manifests.set(manifest.id, manifest);
    for (const [id, manifest] of this.manifests) {
      if (isOver(manifest) && manifest.store === 'local') this.delivery?.deliver(id);
    }
    const unfinished = [...this.manifests.values()].filter((manifest) => !isOver(manifest));
    this.salvage(unfinished).catch((error: unknown) =>
      this.logger.error({ error }, 'recordings could not be salvaged'),
    );
    this.retentionTimer = setInterval(() => this.applyRetention(), RETENTION_CHECK_MS);
    this.applyRetention();
  }

  snapshot(): ArchiveCounters {
    return { recordings_salvaged: this.salvaged, ...this.delivery?.snapshot() };
  }

  /** Only ids that the server made reach a path. */
  folderOf(id: string): string {
    return join(this.options.folder, id);
  }

  find(id: string): RecordingManifest | undefined {
    return this.manifests.get(id);
  }

  /** @throws TesseraError `recording_not_found`. */
  get(id: string): RecordingManifest {
    const found = this.manifests.get(id);
    if (!found) throw new TesseraError('recording_not_found', 'there is no such recording');
    return found;
  }

  /** @throws TesseraError `recording_not_found`. */
  info(id: string): RecordingInfo {
    return infoOf(this.get(id));
  }

  /** The latest first. @param room id of a room; undefined lists those of all rooms. */
  list(room?: string): RecordingInfo[] {
    return [...this.manifests.values()]
      .filter((manifest) => room === undefined || manifest.room === room)
      .sort((a, b) => b.startedAt - a.startedAt)
      .map(infoOf);
  }

  /**
   * The place of a file; without a folder it is in the store.
   * @throws TesseraError `recording_not_found`.
   */
  fileOf(id: string, name: string): { readonly folder: string | undefined; readonly name: string } {
    const { files, store } = this.get(id);
    const file = files.find((one) => one.name === name);
    if (!file) {
      throw new TesseraError('recording_not_found', 'the recording has no such file', {
        next: 'See its `files`; there are none before it is finished.',
      });
    }
    return { folder: store === 's3' ? undefined : this.folderOf(id), name: file.name };
  }

  /**
   * A file from the store, or a range of it.
   * @throws TesseraError `recording_not_found`, `store_failed`.
   */
  async stored(id: string, name: string, range: string | undefined): Promise<StoredFile> {
    if (!this.s3) {
      throw new TesseraError('store_failed', 'the store of this recording is not configured', {
        next: 'Set recording.s3Bucket as it was.',
      });
    }
    return this.s3.get(`${id}/${name}`, range);
  }

  /** @throws TesseraError `disk_low`. */
  async checkSpace(): Promise<void> {
    const { folder, minFreeBytes } = this.options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize >= minFreeBytes) return;
    throw new TesseraError('disk_low', 'there is too little space left to record', {
      next: 'Delete recordings, or lower recording.minFreeSpace.',
    });
  }

  /** Keeps a manifest in memory; it is stored with the next {@link keep}. */
  note(manifest: RecordingManifest): RecordingManifest {
    const { uploads = {} } = this.manifests.get(manifest.id) ?? {};
    const noted = { ...manifest, uploads };
    this.manifests.set(manifest.id, noted);
    return noted;
  }

  /** Keeps a manifest over a restart. Resolves when it is stored. */
  keep(manifest: RecordingManifest): Promise<void> {
    this.manifests.set(manifest.id, manifest);
    return this.records.put(manifest.id, manifest);
  }

  /** Uploads what was written since the last call, of a recording that is being written. */
  grew(manifest: RecordingManifest): void {
    this.delivery?.grew(manifest);
  }

  /** A recording is over: brings it to the store and deletes what is too old. */
  ended(id: string): void {
    this.delivery?.deliver(id);
    this.applyRetention();
  }

  /** Forgets a recording that could not be started. */
  async forget(id: string): Promise<void> {
    this.manifests.delete(id);
    await this.records.delete(id);
  }

  /**
   * Deletes a recording that is over, with all its files.
   * @throws TesseraError `recording_not_found`, `recording_busy`.
   */
  async delete(id: string): Promise<void> {
    const manifest = this.get(id);
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
    await this.forget(id);
    await rm(this.folderOf(id), { recursive: true, force: true });
    this.logger.info({ recording: id }, 'recording deleted');
  }

  /** @param late ends the wait for uploads, which continue after the next start. */
  async close(late: Promise<void>): Promise<void> {
    this.closed = true;
    clearInterval(this.retentionTimer);
    await Promise.race([this.delivery?.close(), late]);
    await this.s3?.close();
    await this.records.settled();
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
        await this.keep({ ...manifest, ...change });
        this.salvaged++;
        this.delivery?.deliver(id);
        const { durationMs } = change;
        this.logger.warn({ recording: id, durationMs }, 'recording salvaged');
      } catch (error) {
        this.logger.error({ error, recording: id }, 'a recording could not be salvaged');
      }
    }
  }

  private applyRetention(): void {
    for (const id of expired(this.list(), this.options.retention, Date.now())) {
      this.delete(id).catch((error: unknown) =>
        this.logger.error({ error, recording: id }, 'an old recording could not be deleted'),
      );
    }
  }
}

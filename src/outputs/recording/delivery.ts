/**
 * Brings recordings to the store: what is written goes up while it grows, so that not even the loss
 * of the machine takes more than its last part; the finished files follow, and are deleted here once
 * they are known to be there.
 */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../logger.js';
import { mediaTypeOf } from '../../protocol/file-format.js';
import { backoffMs } from '../../util/backoff.js';
import { sleep } from '../../util/sleep.js';
import type { MultipartUpload } from './multipart-upload.js';
import type { RecordingManifest } from './recording-manifest.js';
import type { S3Store } from './s3-store.js';

const RETRY = { firstMs: 1000, factor: 5, maxMs: 30_000 } as const;

export interface DeliveryOwner {
  folderOf(id: string): string;
  manifestOf(id: string): RecordingManifest | undefined;
  /** Keeps what changed. */
  change(id: string, change: Partial<RecordingManifest>): Promise<void>;
}

export class Delivery {
  readonly counters = { uploads_done: 0, uploads_failed: 0 };
  private readonly growing = new Map<string, Promise<MultipartUpload>>();
  private readonly running = new Map<string, Promise<void>>();
  private closed = false;
  /** Ends the waits before they are over. */
  private readonly closing = new AbortController();

  constructor(
    private readonly store: S3Store,
    private readonly owner: DeliveryOwner,
    private readonly logger: Logger,
  ) {}

  /** Whether it is on its way. */
  has(id: string): boolean {
    return this.running.has(id);
  }

  /** A recording that goes on has more on the disk than before. */
  grew({ id, segments, format, uploads }: RecordingManifest): void {
    const segment = segments.at(-1);
    if (!segment || this.closed) return;
    const key = `${id}/${segment.path}`;
    const path = join(this.owner.folderOf(id), segment.path);
    const begun =
      this.growing.get(key) ??
      this.store.grow(key, path, mediaTypeOf(format), uploads?.[segment.path]);
    this.growing.set(key, begun);
    begun
      .then(async (upload) => {
        await this.remember(id, segment.path, upload.uploadId);
        await upload.advance();
      })
      .catch((error: unknown) => {
        this.failed(error, key);
        // Begun anew, or gone on with, when there is more.
        this.growing.delete(key);
      });
  }

  /** Brings the files of a recording that is over; goes on trying until it is closed. */
  deliver(id: string): void {
    if (this.closed || this.running.has(id)) return;
    const work = this.work(id)
      .catch((error: unknown) => this.logger.error({ error, recording: id }, 'a delivery broke'))
      .finally(() => this.running.delete(id));
    this.running.set(id, work);
  }

  /** What is not there yet goes on when the server is started again. */
  async close(): Promise<void> {
    this.closed = true;
    this.closing.abort();
    await Promise.allSettled(this.running.values());
  }

  private async work(id: string): Promise<void> {
    for (let failures = 0; !this.closed; ) {
      try {
        await this.bring(id);
        return;
      } catch (error) {
        this.failed(error, id);
      }
      await sleep(backoffMs(++failures, RETRY), this.closing.signal);
    }
  }

  private async bring(id: string): Promise<void> {
    const manifest = this.owner.manifestOf(id);
    if (!manifest) return;
    const folder = this.owner.folderOf(id);
    for (const { name } of manifest.files) {
      if (this.closed) return;
      const path = join(folder, name);
      // Those that are not here any more were brought before.
      if ((await stat(path).catch(() => undefined)) === undefined) continue;
      const earlier = this.owner.manifestOf(id)?.uploads?.[name];
      let remembering: Promise<void> = Promise.resolve();
      await this.store.put(`${id}/${name}`, path, mediaTypeOf(name), earlier, (uploadId) => {
        remembering = this.remember(id, name, uploadId);
      });
      await remembering;
      this.counters.uploads_done++;
    }
    const uploads = this.owner.manifestOf(id)?.uploads ?? {};
    for (const [name, uploadId] of Object.entries(uploads)) {
      if (manifest.files.some((file) => file.name === name)) continue;
      this.growing.delete(`${id}/${name}`);
      await this.store
        .abandon(`${id}/${name}`, join(folder, name), uploadId)
        .catch((error: unknown) => this.failed(error, name));
    }
    await this.owner.change(id, { store: 's3', uploads: {} });
    await rm(folder, { recursive: true, force: true });
    this.logger.info({ recording: id }, 'recording is in the store');
  }

  private async remember(id: string, name: string, uploadId: string): Promise<void> {
    const uploads = this.owner.manifestOf(id)?.uploads ?? {};
    if (uploads[name] === uploadId) return;
    await this.owner.change(id, { uploads: { ...uploads, [name]: uploadId } });
  }

  private failed(error: unknown, what: string): void {
    this.counters.uploads_failed++;
    this.logger.warn({ error, what }, 'the store did not take it; it is tried again');
  }
}

/**
 * Brings recordings to the store. A file is uploaded while it grows, so that even the loss of the
 * machine costs no more than its last part. The finished files follow; the local ones are deleted when
 * the store has them.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../logger.js';
import { mediaTypeOf } from '../../protocol/file-format.js';
import { backoffMs } from '../../util/backoff.js';
import { sleep } from '../../util/sleep.js';
import type { MultipartUpload } from './multipart-upload.js';
import type { RecordingManifest } from './recording-manifest.js';
import type { S3Store } from './s3-store.js';

const RETRY = { firstMs: 1000, factor: 5, maxMs: 30_000 } as const;

/** Where the manifests are kept. */
export interface DeliveryOwner {
  folderOf(id: string): string;
  manifestOf(id: string): RecordingManifest | undefined;
  /** Stores a change of a manifest. */
  change(id: string, change: Partial<RecordingManifest>): Promise<void>;
}

/** Counters as they are named in `/v1/stats`. */
export interface DeliveryCounters {
  /** Finished files that the store has. */
  uploads_done: number;
  /** Attempts that failed. */
  uploads_failed: number;
}

export class Delivery {
  private readonly counters = { uploads_done: 0, uploads_failed: 0 };
  private readonly growing = new Map<string, Promise<MultipartUpload>>();
  private readonly running = new Map<string, Promise<void>>();
  private closed = false;
  /** Ends the pauses between attempts. */
  private readonly closing = new AbortController();

  constructor(
    private readonly store: S3Store,
    private readonly owner: DeliveryOwner,
    private readonly logger: Logger,
  ) {}

  snapshot(): Readonly<DeliveryCounters> {
    return { ...this.counters };
  }

  /** Whether a recording's files are being uploaded. */
  has(id: string): boolean {
    return this.running.has(id);
  }

  /** A running recording has more on the disk: uploads it. */
  grew({ id, segments, format, uploads }: RecordingManifest): void {
    const segment = segments.at(-1);
    if (!segment || this.closed) return;
    const key = `${id}/${segment.path}`;
    const path = join(this.owner.folderOf(id), segment.path);
    const starting =
      this.growing.get(key) ??
      this.store.grow(key, path, mediaTypeOf(format), uploads?.[segment.path]);
    this.growing.set(key, starting);
    starting
      .then(async (upload) => {
        await this.remember(id, segment.path, upload.uploadId);
        await upload.advance();
      })
      .catch((error: unknown) => {
        this.failed(error, key);
        // The next call resumes the upload, or starts another one.
        this.growing.delete(key);
      });
  }

  /** Uploads the files of a recording that is over. Tries until it succeeds or is closed. */
  deliver(id: string): void {
    if (this.closed || this.running.has(id)) return;
    const work = this.work(id)
      .catch((error: unknown) => this.logger.error({ error, recording: id }, 'a delivery failed'))
      .finally(() => this.running.delete(id));
    this.running.set(id, work);
  }

  /** Stops. The next start of the server continues. */
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
      // A file that is missing here was uploaded before.
      if (!existsSync(path)) continue;
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
    this.logger.warn({ error, what }, 'an upload failed and will be tried again');
  }
}

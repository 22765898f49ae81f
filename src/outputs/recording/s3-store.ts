/** Recordings in an S3-compatible store. The SDK is loaded when it is needed first. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { TesseraError } from '../../errors.js';
import { MultipartUpload } from './multipart-upload.js';

export interface S3Options {
  /** Of stores that are not Amazon's. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  /** Of all keys; with `/` at its end unless it is empty. */
  readonly prefix: string;
  /** Undefined: as the SDK finds them (environment, profile, instance). */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string }
    | undefined;
  /** The bucket in the path, not in the host's name. */
  readonly pathStyle: boolean;
}

export interface StoredFile {
  readonly stream: Readable;
  readonly bytes: number;
  /** Of a range that was asked for. */
  readonly contentRange: string | undefined;
}

/** Files from here on go up in parts that a restart does not lose. */
const RESUMABLE_BYTES = 16 * 1024 * 1024;

type Sdk = typeof import('@aws-sdk/client-s3');

export class S3Store {
  private loading: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  constructor(private readonly options: S3Options) {}

  /** Goes up while it grows. @param uploadId of one that was begun before a restart. */
  async grow(key: string, path: string, type: string, uploadId?: string): Promise<MultipartUpload> {
    const { sdk, target } = await this.targetOf(key, type);
    return uploadId === undefined
      ? MultipartUpload.begin(sdk, target, path)
      : MultipartUpload.resume(sdk, target, path, uploadId);
  }

  /**
   * Puts a finished file there; resolves when it is known to be there, whole.
   * @param earlier of an upload that a restart broke off.
   * @param onBegun is told what to give as `earlier` then.
   */
  async put(
    key: string,
    path: string,
    type: string,
    earlier: string | undefined,
    onBegun: (uploadId: string) => void,
  ): Promise<void> {
    const { size } = await stat(path);
    if (size >= RESUMABLE_BYTES) {
      const upload = await this.grow(key, path, type, earlier);
      onBegun(upload.uploadId);
      await upload.complete();
    } else {
      const { client } = await this.load();
      const { Upload } = await import('@aws-sdk/lib-storage');
      const { bucket: Bucket, prefix } = this.options;
      const Body = await readFile(path);
      const ContentMD5 = createHash('md5').update(Body).digest('base64');
      const params = { Bucket, Key: prefix + key, Body, ContentType: type, ContentMD5 };
      // In one part, whose MD5 the store checks.
      await new Upload({ client, params, partSize: RESUMABLE_BYTES }).done();
    }
    const stored = await this.size(key);
    if (stored !== size) throw new Error(`${key} has ${stored} bytes in the store, not ${size}`);
  }

  /** @param range as a Range header has it. @throws TesseraError `recording_not_found`. */
  async get(key: string, range: string | undefined): Promise<StoredFile> {
    const { sdk, client } = await this.load();
    const { bucket: Bucket, prefix } = this.options;
    try {
      const { Body, ContentLength, ContentRange } = await client.send(
        new sdk.GetObjectCommand({
          Bucket,
          Key: prefix + key,
          ...(range === undefined ? {} : { Range: range }),
        }),
      );
      return {
        stream: Body as Readable,
        bytes: ContentLength ?? 0,
        contentRange: ContentRange,
      };
    } catch (cause) {
      if ((cause as { name?: string }).name === 'NoSuchKey') {
        throw new TesseraError('recording_not_found', 'the store has no such file', { cause });
      }
      throw new TesseraError('store_failed', 'the store does not give it', { cause });
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    const { sdk, client } = await this.load();
    const { bucket: Bucket, prefix } = this.options;
    for (const key of keys) {
      await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: prefix + key }));
    }
  }

  /** Leaves nothing of an upload that is of no use any more. */
  async abandon(key: string, path: string, uploadId: string): Promise<void> {
    const upload = await this.grow(key, path, '', uploadId);
    await upload.abort();
  }

  async close(): Promise<void> {
    if (this.loading) (await this.loading).client.destroy();
  }

  private async size(key: string): Promise<number | undefined> {
    const { sdk, client } = await this.load();
    const { bucket: Bucket, prefix } = this.options;
    const found = await client.send(new sdk.HeadObjectCommand({ Bucket, Key: prefix + key }));
    return found.ContentLength;
  }

  private async targetOf(key: string, type: string) {
    const { sdk, client } = await this.load();
    const { bucket, prefix } = this.options;
    return { sdk, target: { client, bucket, key: prefix + key, type } };
  }

  private load(): Promise<{ sdk: Sdk; client: S3Client }> {
    this.loading ??= import('@aws-sdk/client-s3').then((sdk) => {
      const { endpoint, region, credentials, pathStyle } = this.options;
      const client = new sdk.S3Client({
        region,
        forcePathStyle: pathStyle,
        // Stores that are not Amazon's know no newer checksums.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(credentials === undefined ? {} : { credentials }),
      });
      return { sdk, client };
    });
    return this.loading;
  }
}

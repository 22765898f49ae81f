/** Recordings in an S3-compatible store. The SDK is loaded at the first use. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { TesseraError } from '../../errors.js';
import { MultipartUpload } from './multipart-upload.js';

export interface S3Options {
  /** URL of a store that is not Amazon's. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  /** Prefix of all keys; ends with `/` unless it is empty. */
  readonly prefix: string;
  /** Undefined lets the SDK find them (environment, profile, instance). */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string }
    | undefined;
  /** The bucket's name goes into the path instead of the host name. */
  readonly pathStyle: boolean;
}

export interface StoredFile {
  readonly stream: Readable;
  readonly bytes: number;
  /** Content-Range header, if a range was asked for. */
  readonly contentRange: string | undefined;
}

/** Files of this size and larger are uploaded in parts, and continue after a restart. */
const RESUMABLE_BYTES = 16 * 1024 * 1024;

type Sdk = typeof import('@aws-sdk/client-s3');

export class S3Store {
  private loading: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  constructor(private readonly options: S3Options) {}

  /** Starts the upload of a growing file. @param uploadId continues an upload from before a restart. */
  async grow(key: string, path: string, type: string, uploadId?: string): Promise<MultipartUpload> {
    const { sdk, target } = await this.targetOf(key, type);
    return uploadId === undefined
      ? MultipartUpload.start(sdk, target, path)
      : MultipartUpload.resume(sdk, target, path, uploadId);
  }

  /**
   * Uploads a finished file. Resolves when the store has all of it.
   * @throws TesseraError `store_failed`, and the errors of the SDK.
   * @param earlier id of an upload that a restart broke off.
   * @param onStarted gets the id to give as `earlier` after a restart.
   */
  async put(
    key: string,
    path: string,
    type: string,
    earlier: string | undefined,
    onStarted: (uploadId: string) => void,
  ): Promise<void> {
    const { size } = await stat(path);
    if (size >= RESUMABLE_BYTES) {
      const upload = await this.grow(key, path, type, earlier);
      onStarted(upload.uploadId);
      await upload.complete();
    } else {
      const { client } = await this.load();
      const { Upload } = await import('@aws-sdk/lib-storage');
      const { bucket: Bucket, prefix } = this.options;
      const Body = await readFile(path);
      const ContentMD5 = createHash('md5').update(Body).digest('base64');
      const params = { Bucket, Key: prefix + key, Body, ContentType: type, ContentMD5 };
      // One part, whose MD5 the store checks.
      await new Upload({ client, params, partSize: RESUMABLE_BYTES }).done();
    }
    const stored = await this.size(key);
    if (stored === size) return;
    throw new TesseraError('store_failed', `${key} has ${stored} bytes in the store, not ${size}`);
  }

  /** @param range a Range header. @throws TesseraError `recording_not_found`, `store_failed`. */
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
      throw new TesseraError('store_failed', 'the store could not be read', { cause });
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    const { sdk, client } = await this.load();
    const { bucket: Bucket, prefix } = this.options;
    for (const key of keys) {
      await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: prefix + key }));
    }
  }

  /** Deletes the parts of an upload that is not needed any more. */
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
        // Other stores than Amazon's do not know the newer checksums.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        ...(endpoint === undefined ? {} : { endpoint }),
        // A copy: the SDK writes into it, and the configuration is frozen.
        ...(credentials === undefined ? {} : { credentials: { ...credentials } }),
      });
      return { sdk, client };
    });
    return this.loading;
  }
}

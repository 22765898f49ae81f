/**
 * Uploads a file to an S3 bucket while it grows, one part at a time. After a restart it continues after
 * the parts that are there. Each part is sent with its MD5, so that the store refuses a broken one.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { TesseraError } from '../../errors.js';

/** S3 takes up to 10,000 parts, all but the last of 5 MiB or more. */
const PART_BYTES = 8 * 1024 * 1024;
const MAX_PARTS = 10_000;

export interface UploadTarget {
  readonly client: S3Client;
  readonly bucket: string;
  readonly key: string;
  readonly type: string;
}

interface Part {
  readonly PartNumber: number;
  readonly ETag: string;
}

type Sdk = typeof import('@aws-sdk/client-s3');

export class MultipartUpload {
  private readonly parts: Part[] = [];
  /** Bytes of the file in the parts that the store has. */
  private sentBytes = 0;
  private working: Promise<void> | undefined;

  private constructor(
    private readonly sdk: Sdk,
    private readonly target: UploadTarget,
    private readonly path: string,
    readonly uploadId: string,
  ) {}

  static async start(sdk: Sdk, target: UploadTarget, path: string): Promise<MultipartUpload> {
    const { client, bucket, key, type } = target;
    const { UploadId } = await client.send(
      new sdk.CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ContentType: type }),
    );
    if (!UploadId) throw new TesseraError('store_failed', 'the store gave no upload id');
    return new MultipartUpload(sdk, target, path, UploadId);
  }

  /** Continues an upload; starts another one if the store does not know it any more. */
  static async resume(
    sdk: Sdk,
    target: UploadTarget,
    path: string,
    uploadId: string,
  ): Promise<MultipartUpload> {
    const upload = new MultipartUpload(sdk, target, path, uploadId);
    try {
      await upload.findParts();
      return upload;
    } catch (error) {
      if ((error as { name?: string }).name !== 'NoSuchUpload') throw error;
      return MultipartUpload.start(sdk, target, path);
    }
  }

  /** Bytes of the file that the store has. */
  get bytes(): number {
    return this.sentBytes;
  }

  /** Sends the whole parts that the file has by now. */
  advance(): Promise<void> {
    this.working ??= this.send(false).finally(() => {
      this.working = undefined;
    });
    return this.working;
  }

  /** Sends the rest and completes the object. */
  async complete(): Promise<void> {
    await this.idle();
    await this.send(true);
    const { client, bucket, key } = this.target;
    await client.send(
      new this.sdk.CompleteMultipartUploadCommand({
        Bucket: bucket,
        Key: key,
        UploadId: this.uploadId,
        MultipartUpload: { Parts: this.parts },
      }),
    );
  }

  /** Deletes the parts from the store. */
  async abort(): Promise<void> {
    await this.idle();
    const { client, bucket, key } = this.target;
    await client.send(
      new this.sdk.AbortMultipartUploadCommand({
        Bucket: bucket,
        Key: key,
        UploadId: this.uploadId,
      }),
    );
  }

  /** Waits for the parts on their way; who asked for them hears of a failure. */
  private async idle(): Promise<void> {
    await Promise.allSettled([this.working]);
  }

  private async findParts(): Promise<void> {
    const { client, bucket, key } = this.target;
    let marker: string | undefined;
    do {
      const page = await client.send(
        new this.sdk.ListPartsCommand({
          Bucket: bucket,
          Key: key,
          UploadId: this.uploadId,
          ...(marker === undefined ? {} : { PartNumberMarker: marker }),
        }),
      );
      for (const { PartNumber, ETag, Size } of page.Parts ?? []) {
        // A missing part and all parts after it are sent again.
        if (PartNumber !== this.parts.length + 1 || !ETag || Size !== PART_BYTES) return;
        this.parts.push({ PartNumber, ETag });
        this.sentBytes += Size;
      }
      marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    } while (marker !== undefined);
  }

  private async send(toTheEnd: boolean): Promise<void> {
    const file = await open(this.path, 'r');
    try {
      for (;;) {
        const left = (await file.stat()).size - this.sentBytes;
        if (left < PART_BYTES && !(toTheEnd && (left > 0 || this.parts.length === 0))) return;
        await this.sendPart(file, Math.min(left, PART_BYTES));
      }
    } finally {
      await file.close();
    }
  }

  private async sendPart(file: FileHandle, length: number): Promise<void> {
    const PartNumber = this.parts.length + 1;
    if (PartNumber > MAX_PARTS)
      throw new TesseraError('store_failed', 'the file is too large for the store');
    const body = Buffer.alloc(length);
    await file.read(body, 0, length, this.sentBytes);
    const { client, bucket, key } = this.target;
    const { ETag } = await client.send(
      new this.sdk.UploadPartCommand({
        Bucket: bucket,
        Key: key,
        UploadId: this.uploadId,
        PartNumber,
        Body: body,
        ContentLength: length,
        ContentMD5: createHash('md5').update(body).digest('base64'),
      }),
    );
    if (!ETag) throw new TesseraError('store_failed', 'the store gave no tag for a part');
    this.parts.push({ PartNumber, ETag });
    this.sentBytes += length;
  }
}

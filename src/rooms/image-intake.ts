/**
 * Takes uploaded images. Type and size are read from the bytes before anything is decoded. A media
 * process that ends afterwards decodes the image and encodes it again.
 */
import { disableTypes, imageSize } from 'image-size';
import { TesseraError } from '../errors.js';
import type { ImageLimits, SanitizedImage } from '../link/link-messages.js';
import type { MediaPool } from './media-pool.js';

export const MAX_IMAGE_BYTES = 4 * 1024 * 1024;
const MAX_SIDE = 8192;
const MAX_PIXELS = 40_000_000;
const TYPES = ['png', 'jpg', 'webp'];
const DECODE_MS = 10_000;
/** Uploads that may wait for earlier ones. */
const MAX_WAITING = 8;

// Parsers that are not needed must not read untrusted bytes.
disableTypes([
  'bmp',
  'cur',
  'dds',
  'gif',
  'heif',
  'icns',
  'ico',
  'j2c',
  'jp2',
  'jxl',
  'jxl-stream',
  'ktx',
  'pnm',
  'psd',
  'svg',
  'tga',
  'tiff',
]);

function bad(message: string, cause?: unknown): TesseraError {
  return new TesseraError('bad_image', message, {
    cause,
    next: `Send a PNG, JPEG or WebP of at most ${MAX_IMAGE_BYTES / 1024 / 1024} MiB and ${MAX_SIDE} pixels a side.`,
  });
}

/** @throws TesseraError `bad_image`, before anything is decoded. */
function check(bytes: Buffer): void {
  let found: ReturnType<typeof imageSize>;
  try {
    found = imageSize(bytes);
  } catch (error) {
    throw bad('this is not a supported image', error);
  }
  const { width, height, type = '' } = found;
  if (!TYPES.includes(type)) throw bad('this is not a supported image');
  if (!(width > 0 && height > 0) || Math.max(width, height) > MAX_SIDE)
    throw bad('it is too large');
  if (width * height > MAX_PIXELS) throw bad('it has too many pixels');
}

export class ImageIntake {
  private queue: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(private readonly pool: MediaPool) {}

  /** @throws TesseraError `bad_image`, `message_too_large`, `too_many_requests`. */
  async take(bytes: Buffer, limits: ImageLimits): Promise<SanitizedImage> {
    if (bytes.length > MAX_IMAGE_BYTES) throw bad('it is too large');
    check(bytes);
    if (this.waiting >= MAX_WAITING) {
      throw new TesseraError('too_many_requests', 'too many images at once', {
        next: 'Send it again in some seconds.',
      });
    }
    this.waiting++;
    const turn = this.queue.then(() => this.sanitize(bytes, limits));
    this.queue = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.waiting--;
    }
  }

  private async sanitize(bytes: Buffer, limits: ImageLimits): Promise<SanitizedImage> {
    const answer = await this.pool
      .ask(
        { type: 'sanitize', data: bytes.toString('base64'), limits },
        (event) => (event.type === 'sanitized' || event.type === 'refused' ? event : undefined),
        DECODE_MS,
      )
      .catch((error: unknown) => {
        throw bad('it cannot be decoded', error);
      });
    if (!answer) throw bad('it takes too long to decode');
    if (answer.type === 'refused') throw bad('it cannot be decoded');
    return answer.image;
  }
}

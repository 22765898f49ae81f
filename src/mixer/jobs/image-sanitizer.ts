/**
 * Makes an uploaded image harmless: decodes it and writes a new file with nothing but its pixels,
 * upright and small enough. Runs in a process of its own, because a malicious image may crash it.
 */
import { createCanvas, Image } from '@napi-rs/canvas';
import type { ImageLimits, SanitizedImage } from '../../link/link-messages.js';

const QUALITY = 90;

/** @throws Error if the image cannot be decoded. */
export async function sanitizeImage(
  data: Buffer,
  { maxWidth, maxHeight }: ImageLimits,
): Promise<SanitizedImage> {
  const image = new Image();
  image.src = data;
  await image.decode();
  // Skia has already turned a photo upright, following its Exif data.
  const scale = Math.min(1, maxWidth / image.width, maxHeight / image.height);
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, width, height);
  const bytes = await canvas.encode('webp', QUALITY);
  return { data: bytes.toString('base64'), width, height };
}

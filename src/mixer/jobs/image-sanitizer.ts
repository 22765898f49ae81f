/**
 * Makes an uploaded image harmless: decodes it, and writes its pixels anew, small enough, upright, and
 * without anything else that was in the file. Runs in a process of its own that may die of it.
 */
import { createCanvas, Image } from '@napi-rs/canvas';
import type { ImageLimits, SanitizedImage } from '../../link/link-messages.js';

const QUALITY = 90;

/** @throws Error if it cannot be decoded. */
export async function sanitizeImage(
  data: Buffer,
  { maxWidth, maxHeight }: ImageLimits,
): Promise<SanitizedImage> {
  const image = new Image();
  image.src = data;
  await image.decode();
  // Skia has turned a photo upright already, as its Exif says.
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

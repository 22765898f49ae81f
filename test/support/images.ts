/** Images to upload: made here, whole and broken. */
import { createCanvas } from '@napi-rs/canvas';

export type ImageType = 'image/png' | 'image/jpeg' | 'image/webp';

/** One colour, with another in the upper left quarter. */
export function paint(
  width: number,
  height: number,
  colour: string,
  corner = colour,
  type: ImageType = 'image/png',
): Buffer {
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  context.fillStyle = colour;
  context.fillRect(0, 0, width, height);
  context.fillStyle = corner;
  context.fillRect(0, 0, width / 2, height / 2);
  if (type === 'image/png') return canvas.toBuffer('image/png');
  return type === 'image/jpeg' ? canvas.toBuffer('image/jpeg') : canvas.toBuffer('image/webp');
}

/** A JPEG that says how the camera was held (Exif 2.32, 4.6.4). */
export function withOrientation(jpeg: Buffer, orientation: number): Buffer {
  const tiff = Buffer.alloc(26);
  tiff.write('II*\0', 'latin1');
  tiff.writeUInt32LE(8, 4);
  tiff.writeUInt16LE(1, 8);
  tiff.writeUInt16LE(0x0112, 10);
  tiff.writeUInt16LE(3, 12);
  tiff.writeUInt32LE(1, 14);
  tiff.writeUInt16LE(orientation, 18);
  const body = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}

/** A PNG whose header has a size that the picture does not have. */
export function withSides(png: Buffer, width: number, height: number): Buffer {
  const copy = Buffer.from(png);
  copy.writeUInt32BE(width, 16);
  copy.writeUInt32BE(height, 20);
  return copy;
}

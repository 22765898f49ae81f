import { createHash } from 'node:crypto';
import { createCanvas, type Image, type SKRSContext2D } from '@napi-rs/canvas';
import { useFont } from './fonts.js';

/** The first graphemes of the first and last word of a name. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const first = (word: string | undefined) =>
    word ? ([...segmenter.segment(word)][0]?.segment ?? '') : '';
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return (first(words[0]) + first(last)).toLocaleUpperCase();
}

/** The hue of a person's colour, in degrees: always the same for a name. */
function hue(name: string): number {
  return (createHash('sha1').update(name).digest().readUInt16BE(0) * 360) / 0x1_0000;
}

export interface PlaceholderLook {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Writes the name below the disc. */
  readonly withName: boolean;
  /** `#rrggbb`; undefined is a dark shade of the person's colour. */
  readonly background: string | undefined;
  /** Shown instead of initials. */
  readonly avatar: { readonly key: string; readonly image: Image } | undefined;
}

/**
 * Draws the tile of somebody without a camera: their avatar or initials in a disc.
 * @returns RGBA, `width * height * 4` bytes, opaque.
 */
export function drawPlaceholder(look: PlaceholderLook): Buffer {
  const { name, width, height, withName, background, avatar } = look;
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  const angle = hue(name);
  context.fillStyle = background ?? `hsl(${angle} 22% 18%)`;
  context.fillRect(0, 0, width, height);
  const unit = Math.min(width, height);
  const radius = unit * 0.24;
  const middle = height * 0.46;
  context.fillStyle = `hsl(${angle} 45% 42%)`;
  context.beginPath();
  context.arc(width / 2, middle, radius, 0, Math.PI * 2);
  context.fill();
  if (avatar) drawAvatar(context, avatar.image, { x: width / 2, y: middle, radius });
  else drawInitials(context, name, { x: width / 2, y: middle, radius });
  if (!withName) return Buffer.from(canvas.data());
  const size = Math.max(8, Math.round(unit * 0.075));
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  useFont(context, size, name);
  context.fillStyle = 'rgba(255,255,255,0.85)';
  context.fillText(name, width / 2, middle + radius + size * 1.3, width * 0.9);
  return Buffer.from(canvas.data());
}

interface Disc {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

function drawInitials(context: SKRSContext2D, name: string, { x, y, radius }: Disc): void {
  context.fillStyle = '#fff';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const letters = initials(name);
  useFont(context, radius * 0.85, letters);
  context.fillText(letters, x, y + radius * 0.04);
}

/** Fills the disc with the middle of an image. */
function drawAvatar(context: SKRSContext2D, image: Image, { x, y, radius }: Disc): void {
  const side = Math.min(image.width, image.height);
  const [left, top] = [(image.width - side) / 2, (image.height - side) / 2];
  context.save();
  context.beginPath();
  context.arc(x, y, radius, 0, Math.PI * 2);
  context.clip();
  context.drawImage(image, left, top, side, side, x - radius, y - radius, 2 * radius, 2 * radius);
  context.restore();
}

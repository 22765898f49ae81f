import { createHash } from 'node:crypto';
import { createCanvas } from '@napi-rs/canvas';
import { fonts } from './fonts.js';

/** First letters of the first and last word of a name, by grapheme. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const first = (word: string | undefined) =>
    word ? ([...segmenter.segment(word)][0]?.segment ?? '') : '';
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return (first(words[0]) + first(last)).toLocaleUpperCase();
}

/** A stable colour per name. */
function hue(name: string): number {
  return (createHash('sha1').update(name).digest().readUInt16BE(0) * 360) / 0x1_0000;
}

/**
 * The tile of somebody without a camera: initials in a disc, and the name below unless a label has it.
 * @returns RGBA, `width * height * 4` bytes, opaque.
 */
export function drawPlaceholder(
  name: string,
  width: number,
  height: number,
  withName: boolean,
): Buffer {
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  const angle = hue(name);
  context.fillStyle = `hsl(${angle} 22% 18%)`;
  context.fillRect(0, 0, width, height);
  const unit = Math.min(width, height);
  const radius = unit * 0.24;
  const middle = height * 0.46;
  context.fillStyle = `hsl(${angle} 45% 42%)`;
  context.beginPath();
  context.arc(width / 2, middle, radius, 0, Math.PI * 2);
  context.fill();
  context.fillStyle = '#fff';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.font = `600 ${Math.round(radius * 0.85)}px ${fonts()}`;
  context.fillText(initials(name), width / 2, middle + radius * 0.04);
  if (!withName) return Buffer.from(canvas.data());
  const size = Math.max(8, Math.round(unit * 0.075));
  context.font = `600 ${size}px ${fonts()}`;
  context.fillStyle = 'rgba(255,255,255,0.85)';
  context.fillText(name, width / 2, middle + radius + size * 1.3, width * 0.9);
  return Buffer.from(canvas.data());
}

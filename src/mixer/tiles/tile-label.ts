/** The label of a tile, with the name and marks: drawn once and blended into every composite. */
import { createCanvas, type SKRSContext2D } from '@napi-rs/canvas';
import { Bitmap } from '../../codecs/ffmpeg/bitmap.js';
import { useFont } from './fonts.js';

export interface LabelContent {
  readonly name: string;
  readonly muted: boolean;
  /** No media has arrived for a while. */
  readonly trouble: boolean;
  /** The tile shows their screen. */
  readonly screen: boolean;
}

/** Height of the label as a share of the tile's, and its bounds in pixels. */
const HEIGHT_SHARE = 0.075;
const MIN_HEIGHT = 18;
const MAX_HEIGHT = 44;
/** A label may take this share of its tile's width. */
const WIDTH_SHARE = 0.8;
/** Opaque: copying it into every composite costs a fifth of blending. */
const BACKGROUND = '#1d1d1f';
const MUTED = '#ff6b6b';
const TROUBLE = '#ffc14d';

/** Compared field by field, because it is compared on every tick for every tile. */
export function isSameLabel(a: LabelContent, b: LabelContent): boolean {
  return (
    a.name === b.name && a.muted === b.muted && a.trouble === b.trouble && a.screen === b.screen
  );
}

const evenUp = (value: number) => Math.ceil(value / 2) * 2;

/** A microphone, struck through, in a square of the label's height. */
function drawMuted(context: SKRSContext2D, left: number, size: number): void {
  const unit = size / 16;
  context.strokeStyle = MUTED;
  context.fillStyle = MUTED;
  context.lineWidth = 1.4 * unit;
  context.beginPath();
  context.roundRect(left + 6 * unit, 3 * unit, 4 * unit, 6.5 * unit, 2 * unit);
  context.fill();
  context.beginPath();
  context.arc(left + 8 * unit, 7.5 * unit, 3.6 * unit, 0, Math.PI);
  context.moveTo(left + 8 * unit, 11 * unit);
  context.lineTo(left + 8 * unit, 13 * unit);
  context.moveTo(left + 3.5 * unit, 3 * unit);
  context.lineTo(left + 12.5 * unit, 13 * unit);
  context.stroke();
}

/** A triangle with a point in it. */
function drawTrouble(context: SKRSContext2D, left: number, size: number): void {
  const unit = size / 16;
  context.fillStyle = TROUBLE;
  context.beginPath();
  context.moveTo(left + 8 * unit, 2.5 * unit);
  context.lineTo(left + 14 * unit, 13 * unit);
  context.lineTo(left + 2 * unit, 13 * unit);
  context.fill();
  context.fillStyle = '#222';
  context.fillRect(left + 7.4 * unit, 6 * unit, 1.3 * unit, 3.6 * unit);
  context.fillRect(left + 7.4 * unit, 10.6 * unit, 1.3 * unit, 1.4 * unit);
}

/** A monitor on its foot. */
function drawScreen(context: SKRSContext2D, left: number, size: number): void {
  const unit = size / 16;
  context.strokeStyle = '#fff';
  context.lineWidth = 1.4 * unit;
  context.strokeRect(left + 2.5 * unit, 3.5 * unit, 11 * unit, 7 * unit);
  context.beginPath();
  context.moveTo(left + 5.5 * unit, 13 * unit);
  context.lineTo(left + 10.5 * unit, 13 * unit);
  context.moveTo(left + 8 * unit, 10.5 * unit);
  context.lineTo(left + 8 * unit, 13 * unit);
  context.stroke();
}

/** The beginning of a text that fits into `width`, cut at a grapheme and with an ellipsis. */
export function fitText(context: SKRSContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  let fitting = '';
  for (const { segment } of segmenter.segment(text)) {
    if (context.measureText(`${fitting}${segment}…`).width > width) break;
    fitting += segment;
  }
  return fitting === '' ? '' : `${fitting}…`;
}

/** What was drawn so far. The canvas' own data cannot be used: it is multiplied by its opacity. */
export function bitmapOf(context: SKRSContext2D, width: number, height: number): Bitmap {
  const { data } = context.getImageData(0, 0, width, height);
  return Bitmap.fromRgba(Buffer.from(data.buffer), width, height);
}

/** The rounded box behind texts over the picture. */
export function drawGround(context: SKRSContext2D, width: number, height: number): void {
  context.fillStyle = BACKGROUND;
  context.beginPath();
  context.roundRect(0, 0, width, height, height * 0.25);
  context.fill();
}

/** Draws the label for a tile of this size in pixels. */
export function drawLabel(
  { name, muted, trouble, screen }: LabelContent,
  tile: { readonly width: number; readonly height: number },
): Bitmap {
  const height = evenUp(Math.min(MAX_HEIGHT, Math.max(MIN_HEIGHT, tile.height * HEIGHT_SHARE)));
  const padding = height * 0.35;
  const marks = [
    screen ? drawScreen : undefined,
    muted && !screen ? drawMuted : undefined,
    trouble ? drawTrouble : undefined,
  ].filter((draw) => draw !== undefined);
  const measure = createCanvas(1, 1).getContext('2d');
  useFont(measure, height * 0.6, name);
  const room = tile.width * WIDTH_SHARE - 2 * padding - marks.length * height;
  const text = fitText(measure, name, room);
  const width = evenUp(measure.measureText(text).width + 2 * padding + marks.length * height);
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  drawGround(context, width, height);
  let left = padding * 0.6;
  for (const draw of marks) {
    draw(context, left, height);
    left += height;
  }
  useFont(context, height * 0.6, name);
  context.fillStyle = '#fff';
  context.textBaseline = 'middle';
  context.fillText(text, marks.length > 0 ? left + padding * 0.2 : padding, height * 0.53);
  return bitmapOf(context, width, height);
}

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Test media is made once and kept here. */
export const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));

/** Colours far apart in RGB and in chroma, by name. */
export const COLOURS = {
  red: [200, 30, 30],
  green: [30, 160, 40],
  blue: [40, 60, 210],
  yellow: [210, 200, 30],
} as const;
export type ColourName = keyof typeof COLOURS;

export const FRAME_WIDTH = 320;
export const FRAME_HEIGHT = 180;
export const FRAME_RATE = 30;
export const FRAMES = 64;
/** The barcode: BITS cells of BARCODE_CELL pixels in the middle of the bottom, Gray coded. */
export const BITS = 6;
export const BARCODE_CELL = 24;
export const BARCODE_TOP = 140;

export function toYuv([r, g, b]: readonly [number, number, number]): [number, number, number] {
  return [
    Math.round(16 + 0.257 * r + 0.504 * g + 0.098 * b),
    Math.round(128 - 0.148 * r - 0.291 * g + 0.439 * b),
    Math.round(128 + 0.439 * r - 0.368 * g - 0.071 * b),
  ];
}

/** One frame of a coloured picture with its number as a barcode: white is 1, black 0. I420. */
export function drawFrame(colour: ColourName | 'white' | 'black', index: number): Buffer {
  const rgb =
    colour === 'white'
      ? ([255, 255, 255] as const)
      : colour === 'black'
        ? ([0, 0, 0] as const)
        : COLOURS[colour];
  const [y, u, v] = toYuv(rgb);
  const luma = FRAME_WIDTH * FRAME_HEIGHT;
  const frame = Buffer.alloc((luma * 3) / 2);
  frame.fill(y, 0, luma);
  frame.fill(u, luma, luma + luma / 4);
  frame.fill(v, luma + luma / 4);
  const code = index ^ (index >> 1);
  const left = (FRAME_WIDTH - BITS * BARCODE_CELL) / 2;
  for (let bit = 0; bit < BITS; bit++) {
    const x = left + bit * BARCODE_CELL;
    for (let row = 0; row < BARCODE_CELL; row++) {
      const at = (BARCODE_TOP + row) * FRAME_WIDTH + x;
      frame.fill((code >> bit) & 1 ? 235 : 16, at, at + BARCODE_CELL);
    }
    for (let row = 0; row < BARCODE_CELL / 2; row++) {
      const at = ((BARCODE_TOP >> 1) + row) * (FRAME_WIDTH / 2) + (x >> 1);
      frame.fill(128, luma + at, luma + at + BARCODE_CELL / 2);
      frame.fill(128, luma + luma / 4 + at, luma + luma / 4 + at + BARCODE_CELL / 2);
    }
  }
  return frame;
}

/** A shared screen: blue, with white squares in its corners. */
export const SCREEN_WIDTH = 1440;
export const SCREEN_HEIGHT = 1080;
export const SCREEN_MARK = 120;

/** I420. */
export function drawScreen(): Buffer {
  const planes = toYuv(COLOURS.blue).map((value, plane) => {
    const shift = plane === 0 ? 0 : 1;
    const [width, height] = [SCREEN_WIDTH >> shift, SCREEN_HEIGHT >> shift];
    const mark = SCREEN_MARK >> shift;
    const data = Buffer.alloc(width * height, value);
    for (let row = 0; row < mark; row++) {
      for (const y of [row, height - 1 - row]) {
        data.fill(plane === 0 ? 235 : 128, y * width, y * width + mark);
        data.fill(plane === 0 ? 235 : 128, (y + 1) * width - mark, (y + 1) * width);
      }
    }
    return data;
  });
  return Buffer.concat(planes);
}

function cached(name: string, make: (path: string) => void): string {
  mkdirSync(CACHE, { recursive: true });
  const path = `${CACHE}${name}`;
  if (existsSync(path)) return path;
  const partial = `${path}.${process.pid}.part`;
  make(partial);
  renameSync(partial, path);
  return path;
}

function writeY4m(path: string, frameOf: (index: number) => Buffer, frames: number): void {
  const file = openSync(path, 'w');
  writeSync(file, `YUV4MPEG2 W${FRAME_WIDTH} H${FRAME_HEIGHT} F${FRAME_RATE}:1 Ip A1:1 C420jpeg\n`);
  for (let index = 0; index < frames; index++) {
    writeSync(file, 'FRAME\n');
    writeSync(file, frameOf(index));
  }
  closeSync(file);
}

function writeWav(path: string, samples: Float32Array): void {
  const wav = Buffer.alloc(44 + samples.length * 2);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(36 + samples.length * 2, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(48_000, 24);
  wav.writeUInt32LE(96_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((value, index) => {
    wav.writeInt16LE(Math.round(value * 32_767), 44 + index * 2);
  });
  writeFileSync(path, wav);
}

/**
 * A y4m file for Chromium's fake camera: one colour, numbered frames.
 * @param textured adds noise that stands still in the upper quarter, so that keyframes are large.
 */
export function colourVideo(colour: ColourName, textured = false): string {
  return cached(`${colour}${textured ? '-textured' : ''}.y4m`, (path) =>
    writeY4m(path, (index) => drawTextured(colour, index, textured), FRAMES),
  );
}

function drawTextured(colour: ColourName, index: number, textured: boolean): Buffer {
  const frame = drawFrame(colour, index);
  if (!textured) return frame;
  const [luma] = toYuv(COLOURS[colour]);
  for (let y = 0; y < FRAME_HEIGHT / 4; y++) {
    for (let x = 0; x < FRAME_WIDTH; x++) {
      // Squares of 4 x 4, darker or lighter.
      const cell = (x >> 2) + (y >> 2) * FRAME_WIDTH;
      const random = Math.imul(Math.imul(cell + 1, 0x9e3779b1) ^ (cell << 7), 0x85ebca6b) >>> 24;
      frame[y * FRAME_WIDTH + x] = luma + (random % 64) - 32;
    }
  }
  return frame;
}

/**
 * A wav file for Chromium's fake microphone: one tone of amplitude 0.4 (-8 dBFS peak), steady or
 * beeping for the first tenth of each second.
 */
export function tone(frequency: number, beeping = false): string {
  return cached(`${beeping ? 'beep' : 'tone'}-${frequency}.wav`, (path) => {
    const samples = new Float32Array(48_000 * 4);
    for (let i = 0; i < samples.length; i++) {
      if (!beeping || i % 48_000 < 4800)
        samples[i] = 0.4 * Math.sin((2 * Math.PI * frequency * i) / 48_000);
    }
    writeWav(path, samples);
  });
}

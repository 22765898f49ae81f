/**
 * The media of the benches: real encodings of moving, noisy content (a person before a camera) in the
 * layers that a browser's simulcast has, in space and in time (every second frame is one that no other
 * needs), made once and kept in `.cache`. Each frame carries its number as a barcode.
 * `npx tsx scripts/fixtures.ts` makes them and says where they are.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { TalkingHeads } from '../src/bots/talking-heads.js';
import { quietFfmpeg } from '../src/codecs/ffmpeg/log.js';
import { Picture } from '../src/codecs/ffmpeg/picture.js';
import { Scaler } from '../src/codecs/ffmpeg/scaler.js';
import { VideoEncoder } from '../src/codecs/ffmpeg/video-encoder.js';
import { FRAME_SAMPLES, OpusEncoder } from '../src/codecs/opus/opus.js';

export const FRAME_RATE = 30;
export const FRAME_MICROS = 1_000_000 / FRAME_RATE;
/** Frames in the loop; the first is a keyframe. */
export const LOOP_FRAMES = 128;
const BITS = 7;
/** Cells of the barcode (Gray code, the lowest bit on the left), as shares of width and height. */
export const BARCODE = {
  bits: BITS,
  cell: 0.09,
  left: (1 - BITS * 0.09) / 2,
  top: 0.74,
  height: 0.12,
};

export const LAYERS = [
  { name: 'h', width: 1280, height: 720, bitrateBps: 1_500_000 },
  { name: 'm', width: 640, height: 360, bitrateBps: 500_000 },
  { name: 'l', width: 320, height: 180, bitrateBps: 150_000 },
] as const;
export type LayerName = (typeof LAYERS)[number]['name'];

export interface Fixtures {
  /** VP8 frames of the loop, by layer. */
  readonly video: Readonly<Record<LayerName, readonly Buffer[]>>;
  /** Opus packets of 20 ms: a second of somebody who talks, and of a quiet room. */
  readonly talk: readonly Buffer[];
  readonly quiet: readonly Buffer[];
}

const FOLDER = fileURLToPath(new URL('../.cache/', import.meta.url));
const VERSION = 2;

function drawBarcode(picture: Picture, index: number): void {
  const even = (share: number, of: number) => Math.round((share * of) / 2) * 2;
  const { width, height } = picture;
  const code = index ^ (index >> 1);
  for (let bit = 0; bit < BARCODE.bits; bit++) {
    const x = even(BARCODE.left + bit * BARCODE.cell, width);
    const end = even(BARCODE.left + (bit + 1) * BARCODE.cell, width);
    const y = even(BARCODE.top, height);
    const rect = { x, y, width: end - x, height: even(BARCODE.height, height) };
    picture.fill(rect, [(code >> bit) & 1 ? 235 : 16, 128, 128]);
  }
}

async function encodeLayers(): Promise<Fixtures['video']> {
  const [{ width, height }] = LAYERS;
  const heads = new TalkingHeads(width, height, 1);
  using camera = Picture.allocate(width, height);
  const rectOf = (size: { width: number; height: number }) => ({ x: 0, y: 0, ...size });
  const video: Record<LayerName, Buffer[]> = { h: [], m: [], l: [] };
  const layers = await Promise.all(
    LAYERS.map(async ({ name, bitrateBps, ...size }) => ({
      frames: video[name],
      size: { width: size.width, height: size.height },
      encoder: await VideoEncoder.open({
        codec: 'vp8',
        ...size,
        bitrateBps,
        frameRate: FRAME_RATE,
        temporalLayers: true,
      }),
      picture: Picture.allocate(size.width, size.height),
      scaler: new Scaler(),
    })),
  );
  for (let index = 0; index < LOOP_FRAMES; index++) {
    heads.draw(camera, index);
    for (const { frames, size, encoder, picture, scaler } of layers) {
      await scaler.scale(camera, rectOf({ width, height }), picture, rectOf(size));
      drawBarcode(picture, index);
      const encoded = await encoder.encode(picture, index * FRAME_MICROS, index === 0);
      frames.push(...encoded.map(({ data }) => data));
    }
  }
  for (const { encoder, picture, scaler } of layers) {
    for (const owned of [encoder, picture, scaler]) owned[Symbol.dispose]();
  }
  return video;
}

/** @param level of the loudest sample, of 1. */
async function encodeSound(level: number, tone: (seconds: number) => number): Promise<Buffer[]> {
  using opus = await OpusEncoder.open({ channels: 1, bitrateBps: 32_000, complexity: 5 });
  return Array.from({ length: 50 }, (_, frame) => {
    const pcm = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => {
      return level * tone((frame * FRAME_SAMPLES + i) / 48_000);
    });
    return Buffer.from(opus.encode(pcm, false));
  });
}

/** Harmonics of a voice that swells with its syllables. */
function voice(seconds: number): number {
  const syllable = Math.sin(Math.PI * 4 * seconds) ** 2;
  const harmonics = [1, 2, 3, 4, 5].map((n) => Math.sin(2 * Math.PI * 140 * n * seconds) / n);
  return (syllable * harmonics.reduce((sum, value) => sum + value, 0)) / 2;
}

async function make(): Promise<Fixtures> {
  quietFfmpeg();
  const video = await encodeLayers();
  const talk = await encodeSound(0.3, voice);
  const quiet = await encodeSound(0.0005, () => Math.random() * 2 - 1);
  return { video, talk, quiet };
}

/** Makes them, or takes what was made before. */
export async function loadFixtures(): Promise<Fixtures> {
  const path = join(FOLDER, `fixtures-${VERSION}.bin`);
  if (!existsSync(path)) {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(`${path}.${process.pid}`, serialize(await make()));
    renameSync(`${path}.${process.pid}`, path);
  }
  const { video, talk, quiet } = deserialize(readFileSync(path)) as Fixtures;
  const buffers = (list: readonly Uint8Array[]) => list.map((bytes) => Buffer.from(bytes));
  return {
    video: { h: buffers(video.h), m: buffers(video.m), l: buffers(video.l) },
    talk: buffers(talk),
    quiet: buffers(quiet),
  };
}

/**
 * A layer's frames as an IVF file, for programs that read files.
 * @param loops of the content one after the other.
 * @returns its path.
 */
export async function ivfFile(layer: LayerName, loops: number): Promise<string> {
  const path = join(FOLDER, `fixtures-${VERSION}-${layer}-${loops}.ivf`);
  if (existsSync(path)) return path;
  const frames = (await loadFixtures()).video[layer];
  const { width, height } = LAYERS.find(({ name }) => name === layer) as (typeof LAYERS)[number];
  const head = Buffer.alloc(32);
  head.write('DKIF', 0);
  head.writeUInt16LE(32, 6);
  head.write('VP80', 8);
  head.writeUInt16LE(width, 12);
  head.writeUInt16LE(height, 14);
  head.writeUInt32LE(FRAME_RATE, 16);
  head.writeUInt32LE(1, 20);
  head.writeUInt32LE(frames.length * loops, 24);
  const parts: Buffer[] = [head];
  for (let index = 0; index < frames.length * loops; index++) {
    const data = frames[index % frames.length] as Buffer;
    const frameHead = Buffer.alloc(12);
    frameHead.writeUInt32LE(data.length, 0);
    frameHead.writeUInt32LE(index, 4);
    parts.push(frameHead, data);
  }
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name } of LAYERS) console.log(await ivfFile(name, 1));
}

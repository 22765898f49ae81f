/**
 * `npm run bench:scalers`: the scaling filters of swscale, by what they cost and how near they come to
 * the slowest of them, for pictures on their way into tiles; and what a call costs that is given to
 * libuv's pool.
 */
import { createCanvas } from '@napi-rs/canvas';
import {
  AV_PIX_FMT_YUV420P,
  SoftwareScaleContext,
  SWS_ACCURATE_RND,
  SWS_AREA,
  SWS_BICUBIC,
  SWS_BILINEAR,
  SWS_FAST_BILINEAR,
  SWS_LANCZOS,
} from 'node-av';
import { quietFfmpeg } from '../../src/codecs/ffmpeg/log.js';
import { Picture } from '../../src/codecs/ffmpeg/picture.js';
import { Scaler } from '../../src/codecs/ffmpeg/scaler.js';
import { VideoDecoder } from '../../src/codecs/ffmpeg/video-decoder.js';
import { lumaError, psnrOf } from '../../test/support/psnr.js';
import { loadFixtures } from '../fixtures.js';

const CALLS = 200;
const FILTERS = {
  'Lanczos, accurate': SWS_LANCZOS | SWS_ACCURATE_RND,
  bicubic: SWS_BICUBIC,
  bilinear: SWS_BILINEAR,
  area: SWS_AREA,
  'fast bilinear': SWS_FAST_BILINEAR,
} as const;
const TILES = [
  [304, 168],
  [416, 232],
  [624, 348],
] as const;

const cpuMicros = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

async function camera(): Promise<Picture> {
  using decoder = await VideoDecoder.open('vp8');
  const picture = await decoder.decode((await loadFixtures()).video.h[0] as Buffer);
  if (!picture || picture === 'corrupt') throw new Error('the fixture cannot be decoded');
  return picture;
}

async function text(): Promise<Picture> {
  const canvas = createCanvas(1280, 720);
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, 1280, 720);
  context.fillStyle = '#000';
  context.font = '24px sans-serif';
  for (let y = 30; y < 720; y += 32) {
    context.fillText('The quick brown fox jumps over the lazy dog, 0123456789 times', 10, y);
  }
  const picture = Picture.allocate(1280, 720);
  using scaler = new Scaler();
  const rect = { x: 0, y: 0, width: 1280, height: 720 };
  await scaler.drawRgba(Buffer.from(canvas.data()), rect, picture, rect);
  return picture;
}

/** The scaled picture, and CPU microseconds of a call made here and of one given to the pool. */
async function run(source: Picture, flags: number, width: number, height: number) {
  const target = Picture.allocate(width, height);
  const context = new SoftwareScaleContext();
  const format = AV_PIX_FMT_YUV420P;
  context.getContext(source.width, source.height, format, width, height, format, flags as never);
  const [from, into] = [source, target].map(({ planes, strides }) => ({
    planes: planes.slice(0, 3),
    strides: strides.slice(0, 3),
  })) as [{ planes: Buffer[]; strides: number[] }, { planes: Buffer[]; strides: number[] }];
  const call = [from.planes, from.strides, 0, source.height, into.planes, into.strides] as const;
  context.scaleSync(...call);
  let at = cpuMicros();
  for (let i = 0; i < CALLS; i++) context.scaleSync(...call);
  const inline = (cpuMicros() - at) / CALLS;
  at = cpuMicros();
  for (let i = 0; i < CALLS; i++) await context.scale(...call);
  const pooled = (cpuMicros() - at) / CALLS;
  context.freeContext();
  return { target, inline, pooled };
}

quietFfmpeg();
const sources = { camera: await camera(), text: await text() };
console.log('| 1280x720 to | filter | camera: PSNR to Lanczos | text | CPU a call | in the pool |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const [width, height] of TILES) {
  const best = new Map<string, Picture>();
  for (const [filter, flags] of Object.entries(FILTERS)) {
    const cells: string[] = [];
    let times = { inline: 0, pooled: 0 };
    for (const [name, source] of Object.entries(sources)) {
      const { target, ...took } = await run(source, flags, width, height);
      const reference = best.get(name);
      if (!reference) best.set(name, target);
      cells.push(reference ? `${psnrOf(lumaError(reference, target)).toFixed(1)} dB` : '-');
      times = took;
    }
    const micros = [times.inline, times.pooled].map((value) => `${value.toFixed(0)} µs`);
    console.log(`| ${[`${width}x${height}`, filter, ...cells, ...micros].join(' | ')} |`);
  }
}

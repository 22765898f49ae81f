/**
 * `npm run bench:encoders`: what each encoder makes of the composite at the same bitrate, and what it
 * costs. Faces (16 people in one picture, with the noise of cameras) and a shared screen (a page of text
 * that is scrolled and turned), 1280x720 at 30 fps and 1.8 Mbit/s; PSNR and SSIM of the luma.
 */
import { createCanvas } from '@napi-rs/canvas';
import { TalkingHeads } from '../../src/bots/talking-heads.js';
import type { VideoContent } from '../../src/codecs/codec.js';
import { hasTemporalLayers } from '../../src/codecs/codecs.js';
import { quietFfmpeg } from '../../src/codecs/ffmpeg/log.js';
import { Picture } from '../../src/codecs/ffmpeg/picture.js';
import { Scaler } from '../../src/codecs/ffmpeg/scaler.js';
import { VideoDecoder } from '../../src/codecs/ffmpeg/video-decoder.js';
import { VideoEncoder } from '../../src/codecs/ffmpeg/video-encoder.js';
import { useFont } from '../../src/mixer/tiles/fonts.js';
import type { CompositeCodec } from '../../src/protocol/codec-names.js';
import { lumaError, psnrOf, ssimOf } from '../../test/support/psnr.js';

const [WIDTH, HEIGHT, FRAME_RATE] = [1280, 720, 30];
const BITRATE = 1_674_000;
const FRAMES = 180;
/** The encoder's first second, in which it finds its rate, is not judged. */
const SETTLING = 30;
const JUDGED_EVERY = 3;

const CANDIDATES: [CompositeCodec, readonly string[]][] = [
  ['vp8', ['4', '5', '6', '7', '8', '9', '10']],
  ['h264', ['ultrafast', 'superfast', 'veryfast']],
  ['vp9', ['6', '7', '8']],
  ['av1', ['10', '12']],
];

function faces(): Picture[] {
  const heads = new TalkingHeads(WIDTH, HEIGHT, 16);
  return Array.from({ length: FRAMES }, (_, frame) => {
    const picture = Picture.allocate(WIDTH, HEIGHT);
    heads.draw(picture, frame);
    return picture;
  });
}

/** Scrolled by a line every third frame, another page every two seconds. */
async function screen(): Promise<Picture[]> {
  const canvas = createCanvas(WIDTH, HEIGHT);
  const context = canvas.getContext('2d');
  const whole = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
  const text = 'The quick brown fox jumps over the lazy dog, 0123456789 times. ';
  using scaler = new Scaler();
  const pictures: Picture[] = [];
  for (let frame = 0; frame < FRAMES; frame++) {
    const page = Math.floor(frame / 60);
    context.fillStyle = page % 2 ? '#f4f1e8' : '#ffffff';
    context.fillRect(0, 0, WIDTH, HEIGHT);
    context.fillStyle = page % 2 ? '#1d3a5f' : '#222222';
    useFont(context, 15, text);
    const scroll = Math.floor((frame % 60) / 3) * 6;
    for (let line = 0; line < 60; line++) {
      const words = text.slice((line * 7 + page * 3) % 40) + text + text;
      context.fillText(words, 20, line * 20 - scroll);
    }
    const picture = Picture.allocate(WIDTH, HEIGHT);
    await scaler.drawRgba(Buffer.from(canvas.data()), whole, picture, whole);
    pictures.push(picture);
  }
  return pictures;
}

interface Result {
  readonly psnr: number;
  readonly ssim: number;
  readonly kbps: number;
  readonly cpuMs: number;
}

async function judge(
  codec: CompositeCodec,
  speed: string,
  content: VideoContent,
  pictures: readonly Picture[],
): Promise<Result> {
  const temporalLayers = hasTemporalLayers(codec) && content === 'camera';
  using encoder = await VideoEncoder.open({
    codec,
    speed,
    content,
    temporalLayers,
    width: WIDTH,
    height: HEIGHT,
    frameRate: FRAME_RATE,
    bitrateBps: BITRATE,
  });
  const frames: Buffer[] = [];
  const before = process.cpuUsage();
  for (const [index, picture] of pictures.entries()) {
    for (const { data } of await encoder.encode(picture, (index * 1e6) / FRAME_RATE, index === 0)) {
      frames.push(data);
    }
  }
  const { user, system } = process.cpuUsage(before);
  using decoder = await VideoDecoder.open(codec);
  let [error, ssim, judged, bytes] = [0, 0, 0, 0];
  for (const [index, data] of frames.entries()) {
    const decoded = await decoder.decode(data);
    if (!decoded || decoded === 'corrupt') throw new Error(`frame ${index} does not decode`);
    if (index >= SETTLING) bytes += data.length;
    if (index >= SETTLING && index % JUDGED_EVERY === 0) {
      error += lumaError(pictures[index] as Picture, decoded);
      ssim += ssimOf(pictures[index] as Picture, decoded);
      judged++;
    }
    decoded[Symbol.dispose]();
  }
  return {
    psnr: psnrOf(error / judged),
    ssim: ssim / judged,
    kbps: (bytes * 8 * FRAME_RATE) / (frames.length - SETTLING) / 1000,
    cpuMs: (user + system) / 1000 / pictures.length,
  };
}

async function main(): Promise<void> {
  const [people, text] = [faces(), await screen()];
  console.log(
    '| encoder | speed | faces: PSNR, SSIM, kbit/s | CPU a frame | screen: PSNR, SSIM, kbit/s | CPU a frame |',
  );
  console.log('| --- | --- | --- | --- | --- | --- |');
  const words = ({ psnr, ssim, kbps, cpuMs }: Result) =>
    `${psnr.toFixed(2)} dB, ${ssim.toFixed(4)}, ${kbps.toFixed(0)} | ${cpuMs.toFixed(1)} ms`;
  for (const [codec, speeds] of CANDIDATES) {
    for (const speed of speeds) {
      const camera = words(await judge(codec, speed, 'camera', people));
      const screen = words(await judge(codec, speed, 'screen', text));
      console.log(`| ${codec} | ${speed} | ${camera} | ${screen} |`);
    }
  }
}

quietFfmpeg();
await main();

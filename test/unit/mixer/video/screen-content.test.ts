/** Screens are encoded for text; a change of the encoder does not break the stream. */
import { createCanvas } from '@napi-rs/canvas';
import { expect, test } from 'vitest';
import type { VideoContent } from '../../../../src/codecs/codec.js';
import { Picture } from '../../../../src/codecs/ffmpeg/picture.js';
import { Scaler } from '../../../../src/codecs/ffmpeg/scaler.js';
import { VideoDecoder } from '../../../../src/codecs/ffmpeg/video-decoder.js';
import { useFont } from '../../../../src/mixer/tiles/fonts.js';
import { CompositeEncoder } from '../../../../src/mixer/video/composite-encoder.js';
import type { CompositeCodec } from '../../../../src/protocol/codec-names.js';
import { lumaError, psnrOf } from '../../../support/psnr.js';

const [WIDTH, HEIGHT] = [640, 360];
const FRAMES = 90;
const rendition = { width: WIDTH, height: HEIGHT, frameRate: 30, bitrateBps: 600_000 };

/** A page of text, another every second. */
async function page(frame: number): Promise<Picture> {
  const canvas = createCanvas(WIDTH, HEIGHT);
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.fillStyle = '#222';
  const text = 'The quick brown fox jumps over the lazy dog, 0123456789 times. ';
  useFont(context, 12, text);
  const number = Math.floor(frame / 30);
  for (let line = 0; line < 22; line++) {
    context.fillText(text.slice(line + number) + text, 8, 16 + line * 16);
  }
  const picture = Picture.allocate(WIDTH, HEIGHT);
  using scaler = new Scaler();
  const whole = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
  await scaler.drawRgba(Buffer.from(canvas.data()), whole, picture, whole);
  return picture;
}

/** PSNR in dB over all frames; every one of them must decode. */
async function quality(codec: CompositeCodec, content: VideoContent): Promise<number> {
  const canvas = { width: WIDTH, height: HEIGHT, frameRate: 30 };
  const encoder = await CompositeEncoder.open({ codec, rendition: 0 }, rendition, canvas);
  using decoder = await VideoDecoder.open(codec);
  let error = 0;
  let decoded = 0;
  for (let frame = -5; frame < FRAMES; frame++) {
    // It begins as the other, so that both pay for the change.
    if (frame === -5) await encoder.setContent(content === 'camera' ? 'screen' : 'camera');
    if (frame === 0) await encoder.setContent(content);
    using picture = await page(Math.max(0, frame));
    for (const { data } of await encoder.encode(picture, (frame + 5) * 33_333, true)) {
      const result = await decoder.decode(data);
      if (!result || result === 'corrupt') throw new Error(`frame ${frame} does not decode`);
      if (frame >= 0) {
        error += lumaError(picture, result);
        decoded++;
      }
      result[Symbol.dispose]();
    }
  }
  encoder.dispose();
  expect(decoded).toBe(FRAMES);
  return psnrOf(error / decoded);
}

test.each(['h264', 'vp8'] as const)('screen mode makes text sharper in %s', async (codec) => {
  const [camera, screen] = [await quality(codec, 'camera'), await quality(codec, 'screen')];
  console.log(`${codec}: ${camera.toFixed(1)} dB -> ${screen.toFixed(1)} dB`);
  expect(screen).toBeGreaterThan(camera + (codec === 'h264' ? 0.3 : 0.5));
});

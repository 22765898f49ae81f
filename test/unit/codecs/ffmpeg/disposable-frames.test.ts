/** Frames that no other is predicted from: what is spared on them changes nothing of what comes after. */
import { expect, test } from 'vitest';
import { loadFixtures } from '../../../../scripts/fixtures.js';
import { Picture } from '../../../../src/codecs/ffmpeg/picture.js';
import { Scaler } from '../../../../src/codecs/ffmpeg/scaler.js';
import { VideoDecoder } from '../../../../src/codecs/ffmpeg/video-decoder.js';
import { encodeMoving } from '../../../support/encoded.js';
import { lumaError, psnrOf } from '../../../support/psnr.js';

const FRAMES = 32;
const TILE = { x: 0, y: 0, width: 310, height: 170 };

/** The pictures of the loop's first frames; undefined where there is none. */
async function decode(prepare: (decoder: VideoDecoder) => void): Promise<(Picture | undefined)[]> {
  const { video } = await loadFixtures();
  using decoder = await VideoDecoder.open('vp8');
  prepare(decoder);
  const pictures: (Picture | undefined)[] = [];
  for (const data of video.h.slice(0, FRAMES)) {
    const picture = await decoder.decode(data);
    expect(picture).not.toBe('corrupt');
    pictures.push(picture as Picture | undefined);
  }
  return pictures;
}

async function shrunk(picture: Picture): Promise<Picture> {
  using scaler = new Scaler();
  const tile = Picture.allocate(TILE.width, TILE.height);
  const whole = { x: 0, y: 0, width: picture.width, height: picture.height };
  await scaler.scale(picture, whole, tile, TILE);
  return tile;
}

test('without their filter, those after are the same to the bit, and nobody sees it in a tile', async () => {
  const whole = await decode(() => {});
  const spared = await decode((decoder) => decoder.skipDisposableFilter(true));
  let changed = 0;
  for (const [i, picture] of whole.entries()) {
    using one = picture as Picture;
    using other = spared[i] as Picture;
    const error = lumaError(one, other);
    if (i % 2 === 0) expect(error, `frame ${i}`).toBe(0);
    if (error === 0) continue;
    changed++;
    using small = await shrunk(one);
    using smallOther = await shrunk(other);
    expect(psnrOf(lumaError(small, smallOther)), `frame ${i}`).toBeGreaterThan(45);
  }
  expect(changed).toBeGreaterThan(FRAMES / 4);
});

test('left out, those that remain are the same to the bit', async () => {
  const whole = await decode(() => {});
  const spared = await decode((decoder) => decoder.skipDisposable(true));
  for (const [i, picture] of whole.entries()) {
    using one = picture as Picture;
    using other = spared[i];
    if (i % 2 === 1) expect(other, `frame ${i}`).toBeUndefined();
    else expect(lumaError(one, other as Picture), `frame ${i}`).toBe(0);
  }
});

test('a damaged picture is corrupt, whatever is left out', async () => {
  const frames = await encodeMoving('h264', 30);
  for (const skips of [false, true]) {
    using decoder = await VideoDecoder.open('h264');
    decoder.skipDisposable(skips);
    for (const data of frames.slice(0, 10)) {
      const picture = await decoder.decode(data);
      expect(picture).toBeInstanceOf(Picture);
      (picture as Picture)[Symbol.dispose]();
    }
    // Past the header of its slice: FFmpeg makes up the rest and would show it.
    const damaged = Buffer.from(frames[10] as Buffer);
    damaged.fill(0xa5, damaged.length >> 1);
    expect(await decoder.decode(damaged), `left out: ${skips}`).toBe('corrupt');
  }
});

/** VP8's upper temporal layer: any of its frames may be left out, and receivers can tell which they are. */
import { expect, test } from 'vitest';
import { TalkingHeads } from '../../src/bots/talking-heads.js';
import { CompositeEncoder } from '../../src/media/composite-encoder.js';
import { Picture } from '../../src/media/ffmpeg/picture.js';
import { VideoDecoder } from '../../src/media/ffmpeg/video-decoder.js';
import type { EncodedVideo } from '../../src/media/ffmpeg/video-encoder.js';
import { packetizeVp8 } from '../../src/send/vp8-packetizer.js';
import { lumaError } from '../support/psnr.js';

const SIZE = { width: 320, height: 180, frameRate: 30 };
const FRAMES = 120;

/** A keyframe is asked for in the middle, where the base is not due. */
async function encode(): Promise<EncodedVideo[]> {
  const rendition = { ...SIZE, bitrateBps: 200_000 };
  const encoder = await CompositeEncoder.open({ codec: 'vp8', rendition: 0 }, rendition, SIZE);
  const heads = new TalkingHeads(SIZE.width, SIZE.height, 2);
  using picture = Picture.allocate(SIZE.width, SIZE.height);
  const frames: EncodedVideo[] = [];
  for (let frame = 0; frame < FRAMES; frame++) {
    if (frame === 61) encoder.requestKeyframe(true);
    heads.draw(picture, frame);
    frames.push(...(await encoder.encode(picture, frame * 33_333, true)));
  }
  encoder.dispose();
  return frames;
}

/** Pictures by index of their frame. */
async function decode(frames: readonly EncodedVideo[], kept: (index: number) => boolean) {
  using decoder = await VideoDecoder.open('vp8');
  const pictures = new Map<number, Picture>();
  for (const [index, { data }] of frames.entries()) {
    if (!kept(index)) continue;
    const picture = await decoder.decode(data);
    if (!picture || picture === 'corrupt') throw new Error(`frame ${index} does not decode`);
    pictures.set(index, picture);
  }
  return pictures;
}

test('half of the frames can be left out, all or some of them, and the others are the same', async () => {
  const frames = await encode();
  expect(frames).toHaveLength(FRAMES);
  const upper = (index: number) => frames[index]?.temporalLayer === 1;
  expect(frames.filter((_, index) => upper(index)).length).toBeGreaterThan(FRAMES / 2 - 3);
  expect(frames[61]).toMatchObject({ keyframe: true, temporalLayer: 0 });
  const bits = (some: EncodedVideo[]) => some.reduce((sum, { data }) => sum + data.length, 0);
  const share = bits(frames.filter((_, index) => !upper(index))) / bits(frames);
  expect(share).toBeGreaterThan(0.45);
  expect(share).toBeLessThan(0.75);
  const all = await decode(frames, () => true);
  for (const kept of [
    (index: number) => !upper(index),
    (index: number) => !upper(index) || index % 3 === 0,
    (index: number) => !upper(index) || index > 80,
  ]) {
    for (const [index, picture] of await decode(frames, kept)) {
      expect([index, lumaError(picture, all.get(index) as Picture)]).toEqual([index, 0]);
      picture[Symbol.dispose]();
    }
  }
  for (const picture of all.values()) picture[Symbol.dispose]();
});

test('the descriptor says which layer a frame is of (RFC 7741, 4.2)', () => {
  const frame = Buffer.alloc(3000, 7);
  const [first, second] = packetizeVp8(frame, 300, { temporalLayer: 1, baseIndex: 200 });
  // X, N and S, then I, L and T; 15 bits of picture id; TL0PICIDX; TID 1 with Y.
  expect(first?.subarray(0, 6)).toEqual(Buffer.from([0xb0, 0xe0, 0x81, 0x2c, 200, 0x60]));
  expect(second?.subarray(0, 6)).toEqual(Buffer.from([0xa0, 0xe0, 0x81, 0x2c, 200, 0x60]));
  const [base] = packetizeVp8(frame, 301, { temporalLayer: 0, baseIndex: 201 });
  expect(base?.subarray(0, 6)).toEqual(Buffer.from([0x90, 0xe0, 0x81, 0x2d, 201, 0]));
  expect(packetizeVp8(frame, 301)[0]?.subarray(0, 4)).toEqual(
    Buffer.from([0x90, 0x80, 0x81, 0x2d]),
  );
});

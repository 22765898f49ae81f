/** The upper temporal layer of VP8 and VP9: any of its frames may be left out, and receivers can tell which they are. */
import { expect, test } from 'vitest';
import { TalkingHeads } from '../../../src/bots/talking-heads.js';
import { packetizeAv1, splitObus } from '../../../src/codecs/av1-packetizer.js';
import { Picture } from '../../../src/codecs/ffmpeg/picture.js';
import { VideoDecoder } from '../../../src/codecs/ffmpeg/video-decoder.js';
import type { EncodedFrame } from '../../../src/codecs/packetizer.js';
import { packetizeVp8 } from '../../../src/codecs/vp8-packetizer.js';
import { packetizeVp9 } from '../../../src/codecs/vp9-packetizer.js';
import { CompositeEncoder } from '../../../src/mixer/video/composite-encoder.js';
import type { CompositeCodec } from '../../../src/protocol/codec-names.js';
import { lumaError } from '../../support/psnr.js';

const SIZE = { width: 320, height: 180, frameRate: 30 };
const FRAMES = 120;

/** A keyframe is asked for in the middle, where the base is not due. */
async function encode(codec: CompositeCodec): Promise<EncodedFrame[]> {
  const rendition = { ...SIZE, bitrateBps: 200_000 };
  const encoder = await CompositeEncoder.open({ codec, rendition: 0 }, rendition, SIZE);
  const heads = new TalkingHeads(SIZE.width, SIZE.height, 2);
  using picture = Picture.allocate(SIZE.width, SIZE.height);
  const frames: EncodedFrame[] = [];
  for (let frame = 0; frame < FRAMES; frame++) {
    if (frame === 61) encoder.requestKeyframe(true);
    heads.draw(picture, frame);
    frames.push(...(await encoder.encode(picture, frame * 33_333, true)));
  }
  encoder.dispose();
  return frames;
}

/** Pictures by index of their frame. */
async function decode(
  codec: CompositeCodec,
  frames: readonly EncodedFrame[],
  kept: (index: number) => boolean,
) {
  using decoder = await VideoDecoder.open(codec);
  const pictures = new Map<number, Picture>();
  for (const [index, { data }] of frames.entries()) {
    if (!kept(index)) continue;
    const picture = await decoder.decode(data);
    if (!picture || picture === 'corrupt') throw new Error(`frame ${index} does not decode`);
    pictures.set(index, picture);
  }
  return pictures;
}

test.each(['vp8', 'vp9'] as const)(
  '%s: half of the frames can be left out, all or some of them, and the others are the same',
  async (codec) => {
    const frames = await encode(codec);
    expect(frames).toHaveLength(FRAMES);
    const upper = (index: number) => frames[index]?.temporalLayer === 1;
    expect(frames.filter((_, index) => upper(index)).length).toBeGreaterThan(FRAMES / 2 - 3);
    expect(frames[61]).toMatchObject({ keyframe: true, temporalLayer: 0 });
    const bits = (some: EncodedFrame[]) => some.reduce((sum, { data }) => sum + data.length, 0);
    const share = bits(frames.filter((_, index) => !upper(index))) / bits(frames);
    expect(share).toBeGreaterThan(0.45);
    expect(share).toBeLessThan(0.75);
    const all = await decode(codec, frames, () => true);
    for (const kept of [
      (index: number) => !upper(index),
      (index: number) => !upper(index) || index % 3 === 0,
      (index: number) => !upper(index) || index > 80,
    ]) {
      for (const [index, picture] of await decode(codec, frames, kept)) {
        expect([index, lumaError(picture, all.get(index) as Picture)]).toEqual([index, 0]);
        picture[Symbol.dispose]();
      }
    }
    for (const picture of all.values()) picture[Symbol.dispose]();
  },
);

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

test('VP9 in flexible mode has the reference of a frame (RFC 9628, 4.2)', () => {
  const [first, last] = packetizeVp9(Buffer.alloc(2000, 7), 300, {
    temporalLayer: 1,
    reference: 1,
  });
  expect(first?.subarray(0, 5)).toEqual(Buffer.from([0xf8, 0x81, 0x2c, 0x30, 2]));
  expect(last?.subarray(0, 5)).toEqual(Buffer.from([0xf4, 0x81, 0x2c, 0x30, 2]));
  const [key] = packetizeVp9(Buffer.alloc(10, 7), 301, { temporalLayer: 0, reference: 0 });
  expect(key).toEqual(Buffer.from([0xbc, 0x81, 0x2d, 0, ...new Array(10).fill(7)]));
});

test('AV1 units are cut into packets from which they can be put together again', () => {
  const obu = (type: number, length: number) => {
    const size = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
    return Buffer.from([(type << 3) | 2, ...size, ...Array.from({ length }, (_, i) => i & 0xff)]);
  };
  // Temporal delimiter, sequence header, frame; the first is not sent.
  const unit = Buffer.concat([obu(2, 0), obu(1, 11), obu(6, 5000)]);
  const payloads = packetizeAv1(unit, true);
  const obus: Buffer[] = [];
  for (const [index, payload] of payloads.entries()) {
    expect(payload.length).toBeLessThanOrEqual(1160);
    const head = payload[0] as number;
    expect((head & 0x08) > 0).toBe(index === 0);
    expect((head & 0x40) > 0).toBe(index < payloads.length - 1);
    let continues = (head & 0x80) > 0;
    expect(continues).toBe(index > 0);
    for (let at = 1; at < payload.length; ) {
      let length = (payload[at] as number) & 0x7f;
      if ((payload[at++] as number) > 0x7f) length |= (payload[at++] as number) << 7;
      const part = payload.subarray(at, at + length);
      if (continues) obus.push(Buffer.concat([obus.pop() as Buffer, part]));
      else obus.push(part);
      continues = false;
      at += length;
    }
  }
  expect(obus).toEqual(splitObus(unit));
  expect(obus.map(({ length }) => length)).toEqual([12, 5001]);
});

/** What clients send that our own encoder does not: reordering, other profiles and formats. */
import {
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUV420P10LE,
  AV_PIX_FMT_YUV422P,
  AV_PIX_FMT_YUV444P,
  AV_PIX_FMT_YUVJ420P,
  AV_PIX_FMT_YUVJ422P,
  AV_PIX_FMT_YUVJ444P,
  type AVPixelFormat,
} from 'node-av';
import { describe, expect, test } from 'vitest';
import { UPLINK_VIDEO } from '../../../../src/codecs/codecs.js';
import { colourSpaceOf } from '../../../../src/codecs/ffmpeg/colour-space-of.js';
import { Picture } from '../../../../src/codecs/ffmpeg/picture.js';
import { VideoDecoder } from '../../../../src/codecs/ffmpeg/video-decoder.js';
import { TilePicture } from '../../../../src/mixer/tiles/tile-picture.js';
import type { VideoCodec } from '../../../../src/protocol/codec-names.js';
import { BT601 } from '../../../../src/rtp/colour-space.js';
import { type EncodedStream, encodeStream } from '../../../support/encoder.js';

const SIZE = { width: 192, height: 144 };

/** A grey that says which picture it is. */
const grey = (n: number) => 40 + 5 * n;
const drawGrey: EncodedStream['draw'] = (planes, _strides, n) => {
  planes.forEach((plane, index) => {
    plane.fill(index === 0 ? grey(n) : 128);
  });
};

/** Numbers of the pictures in the order in which the decoder gives them, as they look. */
async function decodedOrder(codec: VideoCodec, stream: EncodedStream) {
  const frames = encodeStream(stream);
  const first = frames[0]?.data as Buffer;
  const reorders = UPLINK_VIDEO[codec].uplink.mayReorder?.(first) ?? false;
  using decoder = await VideoDecoder.open(codec, reorders);
  const shown: number[] = [];
  const numbers: number[] = [];
  let delay = 0;
  for (const [index, { data, number }] of frames.entries()) {
    const picture = await decoder.decode(data, number);
    if (!picture || picture === 'corrupt') continue;
    shown.push(Math.round(((picture.planes[0]?.[0] ?? 0) - 40) / 5));
    numbers.push(picture.number);
    delay = Math.max(delay, index + 1 - shown.length);
    picture[Symbol.dispose]();
  }
  return { reorders, shown, numbers, delay };
}

const X264 = { encoder: 'libx264', ...SIZE, count: 24, gop: 12, draw: drawGrey } as const;
const X265 = { ...X264, encoder: 'libx265', options: [['x265-params', 'log-level=none']] } as const;

describe('pictures come out in the order in which they are shown', () => {
  test.each<[string, VideoCodec, EncodedStream, boolean, number]>([
    ['baseline', 'h264', { ...X264, options: [['profile', 'baseline']] }, false, 0],
    ['main, no B-frames', 'h264', { ...X264, options: [['tune', 'zerolatency']] }, false, 0],
    [
      'high, 1 B-frame',
      'h264',
      { ...X264, bFrames: 1, options: [['x264-params', 'b-adapt=0']] },
      true,
      1,
    ],
    [
      'high, 3 B-frames in a pyramid',
      'h264',
      { ...X264, bFrames: 3, options: [['x264-params', 'b-adapt=0']] },
      true,
      2,
    ],
    [
      'main, no B-frames',
      'h265',
      { ...X265, options: [['tune', 'zerolatency'], ...X265.options] },
      false,
      0,
    ],
    ['main, B-frames', 'h265', { ...X265, bFrames: 3 }, false, 3],
  ])('%s, %s', async (_, codec, stream, mayReorder, mostDelay) => {
    const { reorders, shown, numbers, delay } = await decodedOrder(codec, stream);
    expect(reorders).toBe(mayReorder);
    expect(shown).toEqual([...shown].sort((a, b) => a - b));
    expect(numbers).toEqual(shown);
    expect(delay).toBeLessThanOrEqual(mostDelay);
    expect(shown.length).toBeGreaterThanOrEqual(24 - mostDelay);
  });
});

/** Left half red, right half blue, in BT.601: the same place and colour whatever the format is. */
const RED = { limited: [81, 90, 240], full: [76, 85, 255] } as const;
const BLUE = { limited: [41, 240, 110], full: [29, 255, 107] } as const;

function drawHalves(format: AVPixelFormat): EncodedStream['draw'] {
  const range = [AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ444P].includes(
    format as never,
  )
    ? 'full'
    : 'limited';
  const isDeep = format === AV_PIX_FMT_YUV420P10LE;
  const chromaWidth = format === AV_PIX_FMT_YUV444P || format === AV_PIX_FMT_YUVJ444P ? 1 : 2;
  return (planes, strides) => {
    planes.forEach((plane, index) => {
      const width = SIZE.width / (index === 0 ? 1 : chromaWidth);
      const stride = strides[index] as number;
      for (let at = 0; at < plane.length; at += isDeep ? 2 : 1) {
        const column = (at % stride) / (isDeep ? 2 : 1);
        const value = (column < width / 2 ? RED : BLUE)[range][index] as number;
        if (isDeep) plane.writeUInt16LE(value << 2, at);
        else plane[at] = value;
      }
    });
  };
}

const FORMATS: [name: string, format: AVPixelFormat][] = [
  ['4:2:0', AV_PIX_FMT_YUV420P],
  ['4:2:0, full range', AV_PIX_FMT_YUVJ420P],
  ['4:2:2', AV_PIX_FMT_YUV422P],
  ['4:2:2, full range', AV_PIX_FMT_YUVJ422P],
  ['4:4:4', AV_PIX_FMT_YUV444P],
  ['4:4:4, full range', AV_PIX_FMT_YUVJ444P],
  ['4:2:0, 10 bits', AV_PIX_FMT_YUV420P10LE],
];

describe('H.264 of any format has its colours in their place, in every crop', () => {
  test.each(FORMATS)('%s', async (_, format) => {
    const options = [
      ['tune', 'zerolatency'],
      ['crf', '4'],
    ] as const;
    const draw = drawHalves(format);
    const [first] = encodeStream({ encoder: 'libx264', ...SIZE, count: 1, format, options, draw });
    using decoder = await VideoDecoder.open('h264');
    const picture = await decoder.decode(first?.data as Buffer);
    if (!picture || picture === 'corrupt') throw new Error('no picture');
    using held = picture;
    held.colourSpace = colourSpaceOf(held) ?? BT601;
    const tiles = [
      [160, 90],
      [90, 160],
      [128, 96],
      [40, 120],
      [320, 60],
    ] as const;
    for (const [width, height] of tiles) {
      using canvas = Picture.allocate(width + 32, height + 16);
      canvas.fill({ x: 0, y: 0, width: width + 32, height: height + 16 }, [16, 128, 128]);
      using tile = new TilePicture();
      const rect = { x: 16, y: 8, width, height };
      const look = { fit: 'crop', cameraFit: 'crop', background: '#000000' } as const;
      await tile.draw(canvas, held, false, rect, rect, look);
      const at = (x: number, y: number) =>
        canvas.planes.slice(0, 3).map((plane, index) => {
          const shift = index === 0 ? 0 : 1;
          return plane[(y >> shift) * (canvas.strides[index] as number) + (x >> shift)] as number;
        });
      const [left, right] = [16 + Math.round(width * 0.4), 16 + Math.round(width * 0.6)];
      for (const [x, colour] of [
        [20, RED],
        [left, RED],
        [right, BLUE],
        [16 + width - 4, BLUE],
      ] as const) {
        const found = at(x, 8 + height / 2);
        const difference = found.map((value, index) =>
          Math.abs(value - (colour.limited[index] as number)),
        );
        expect(Math.max(...difference), `${width}x${height} at ${x}: ${found}`).toBeLessThan(8);
      }
    }
  });
});

import { Picture } from '../../src/codecs/ffmpeg/picture.js';
import { VideoEncoder } from '../../src/codecs/ffmpeg/video-encoder.js';
import type { CompositeCodec } from '../../src/protocol/codec-names.js';

/** Frames of a grey that changes with a square that moves, 320x192. */
export async function encodeMoving(
  codec: CompositeCodec,
  count: number,
  keyframeInterval = 10,
): Promise<Buffer[]> {
  const size = { width: 320, height: 192, frameRate: 30, bitrateBps: 400_000 };
  using encoder = await VideoEncoder.open({ codec, ...size });
  using picture = Picture.allocate(320, 192);
  const frames: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    picture.fill({ x: 0, y: 0, width: 320, height: 192 }, [60 + ((i * 7) % 150), 128, 128]);
    picture.fill({ x: (i * 8) % 256, y: 32, width: 64, height: 64 }, [200, 90, 160]);
    for (const { data } of await encoder.encode(picture, i * 33_333, i % keyframeInterval === 0))
      frames.push(data);
  }
  return frames;
}

/** Frames of a picture with something in it, the first one a keyframe. */
export async function encodeSized(
  codec: CompositeCodec,
  [width, height]: readonly [number, number],
  count: number,
): Promise<Buffer[]> {
  using encoder = await VideoEncoder.open({
    codec,
    width,
    height,
    frameRate: 30,
    bitrateBps: 2 * width * height,
  });
  using picture = Picture.allocate(width, height);
  const frames: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    picture.fill({ x: 0, y: 0, width, height }, [90, 110, 140]);
    for (let x = 0; x + 16 <= width; x += 32) {
      const side = { x, y: ((x + 8 * i) % (height - 16)) & ~1, width: 16, height: 16 };
      picture.fill(side, [200, 128 + (x % 64), 100]);
    }
    for (const { data } of await encoder.encode(picture, i * 33_333, i === 0)) frames.push(data);
  }
  return frames;
}

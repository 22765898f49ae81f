/** VP8 keyframes of sizes that no camera has. */
import { Picture } from '../../src/codecs/ffmpeg/picture.js';
import { VideoEncoder } from '../../src/codecs/ffmpeg/video-encoder.js';

/** Width and height. */
export const ODD_SIZES: readonly (readonly [number, number])[] = [
  ...[1, 2, 3, 8, 15].flatMap((side) => [
    [side, side] as const,
    [side, 360] as const,
    [360, side] as const,
    [1920, side] as const,
  ]),
  ...([
    [1, 2],
    [2, 1],
    [17, 16],
    [16, 1200],
  ] as const),
];

/** A grey keyframe; its header says the size, its picture has as many macroblocks. */
export async function keyframeOf(width: number, height: number): Promise<Buffer> {
  const up = (side: number) => Math.ceil(side / 16) * 16;
  const size = { width: up(width), height: up(height) };
  using encoder = await VideoEncoder.open({
    codec: 'vp8',
    ...size,
    frameRate: 30,
    bitrateBps: 200_000,
  });
  using picture = Picture.allocate(size.width, size.height);
  picture.fill({ x: 0, y: 0, ...size }, [120, 128, 128]);
  const [frame] = await encoder.encode(picture, 0, true);
  if (!frame) throw new Error('the encoder gave no frame');
  const data = Buffer.from(frame.data);
  data.writeUInt16LE(width, 6);
  data.writeUInt16LE(height, 8);
  return data;
}

export async function oddKeyframes(): Promise<Buffer[]> {
  const made: Buffer[] = [];
  for (const [width, height] of ODD_SIZES) made.push(await keyframeOf(width, height));
  return made;
}

/** What an innocent sends: a tone of their own, and a picture whose brightness changes with each frame. */
import type { TestPattern } from '../../src/bots/test-pattern.js';
import { quietFfmpeg } from '../../src/codecs/ffmpeg/log.js';
import { Picture } from '../../src/codecs/ffmpeg/picture.js';
import { VideoEncoder } from '../../src/codecs/ffmpeg/video-encoder.js';
import { FRAME_SAMPLES, OpusEncoder } from '../../src/codecs/opus/opus.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';

/** Hertz, by the place of the innocent. All have whole periods in the loop. */
export const TONES = [440, 700, 1050] as const;
/** Luma, one after the other. Two different ones follow, whatever number of frames is left out, unless five. */
export const LEVELS = [60, 140, 100, 220, 180] as const;

const [WIDTH, HEIGHT, FRAME_RATE] = [320, 180, 30];
/** Recorded frames cannot answer keyframe requests. */
const KEYFRAME_INTERVAL = 15;
const LOOP_SECONDS = 2;
const AMPLITUDE = 0.2;

export async function encodeInnocent(index: number): Promise<TestPattern> {
  quietFfmpeg();
  const size = { width: WIDTH, height: HEIGHT, frameRate: FRAME_RATE, bitrateBps: 300_000 };
  using encoder = await VideoEncoder.open({ codec: 'vp8', ...size });
  using picture = Picture.allocate(WIDTH, HEIGHT);
  const video: Buffer[][] = [];
  for (let frame = 0; frame < LOOP_SECONDS * FRAME_RATE; frame++) {
    const luma = LEVELS[frame % LEVELS.length] as number;
    picture.fill({ x: 0, y: 0, width: WIDTH, height: HEIGHT }, [luma, 128, 128]);
    const isKeyframe = frame % KEYFRAME_INTERVAL === 0;
    for (const { data } of await encoder.encode(picture, (frame * 1e6) / FRAME_RATE, isKeyframe)) {
      video.push(packetizeVp8(data, frame));
    }
  }
  using opus = await OpusEncoder.open({ channels: 1, bitrateBps: 48_000, complexity: 5 });
  const audio = Array.from({ length: LOOP_SECONDS * 50 }, (_, frame) => {
    const pcm = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => {
      const at = (frame * FRAME_SAMPLES + i) / 48_000;
      return AMPLITUDE * Math.sin(2 * Math.PI * (TONES[index] as number) * at);
    });
    return Buffer.from(opus.encode(pcm, false));
  });
  return { video, audio };
}

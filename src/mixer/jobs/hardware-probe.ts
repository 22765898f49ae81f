/** Finds out whether a hardware encoder works, by using it. */

import { Picture } from '../../codecs/ffmpeg/picture.js';
import { VideoEncoder } from '../../codecs/ffmpeg/video-encoder.js';
import type { HardwareEncoder } from '../../util/units.js';

const SIZE = { width: 640, height: 360, frameRate: 30, bitrateBps: 500_000 };
/** Pictures to encode: some encoders need a few before their first frame. */
const FRAMES = 5;

/** @returns what is wrong with the encoder; no fault if it works. */
export async function probeHardware(hardware: HardwareEncoder): Promise<{ fault?: string }> {
  try {
    using encoder = await VideoEncoder.open({ codec: 'h264', ...SIZE, hardware });
    if (encoder.fallback !== undefined) return { fault: encoder.fallback };
    using picture = Picture.allocate(SIZE.width, SIZE.height);
    picture.fill({ x: 0, y: 0, width: SIZE.width, height: SIZE.height }, [80, 120, 140]);
    let encoded = 0;
    for (let frame = 0; frame < FRAMES; frame++) {
      encoded += (await encoder.encode(picture, frame * 33_333, frame === 0)).length;
    }
    return encoded > 0 ? {} : { fault: 'it gave no picture' };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

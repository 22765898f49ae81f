/**
 * Loads fonts and opens each codec once before a media process is ready, because that would delay
 * the first second of a room.
 */

import { Picture } from '../../codecs/ffmpeg/picture.js';
import { VideoDecoder } from '../../codecs/ffmpeg/video-decoder.js';
import { hasVideoEncoder, VideoEncoder } from '../../codecs/ffmpeg/video-encoder.js';
import { OpusDecoder, OpusEncoder } from '../../codecs/opus/opus.js';
import { COMPOSITE_CODECS, type CompositeCodec } from '../../protocol/codec-names.js';
import { drawPlaceholder } from '../tiles/placeholder.js';
import { drawLabel } from '../tiles/tile-label.js';

/** What nearly every client sends and receives. */
const USUAL_CODECS = ['vp8', 'h264'] as const;

/** @returns the codecs that this machine can encode. */
export async function warmUp(): Promise<CompositeCodec[]> {
  const size = { width: 64, height: 36 };
  const look = { name: 'Tessera', ...size, withName: true, background: undefined };
  drawPlaceholder({ ...look, avatar: undefined });
  // With an emoji, because the emoji font takes longest to load.
  const label = { name: 'Tessera 🙂', muted: true, trouble: false, screen: false };
  drawLabel(label, { width: 320, height: 180 });
  using _opus = await OpusEncoder.open({ channels: 1, bitrateBps: 32_000, complexity: 5 });
  using _decoder = await OpusDecoder.open(1);
  using picture = Picture.allocate(64, 36);
  picture.fill({ x: 0, y: 0, ...size }, [16, 128, 128]);
  for (const codec of USUAL_CODECS.filter(hasVideoEncoder)) {
    const rate = { frameRate: 30, bitrateBps: 100_000 };
    using encoder = await VideoEncoder.open({ codec, ...size, ...rate });
    using decoder = await VideoDecoder.open(codec);
    for (const { data } of await encoder.encode(picture, 0, true)) {
      const decoded = await decoder.decode(data);
      if (decoded && decoded !== 'corrupt') decoded[Symbol.dispose]();
    }
  }
  return COMPOSITE_CODECS.filter(hasVideoEncoder);
}

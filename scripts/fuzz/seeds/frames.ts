import { UPLINK_VIDEO } from '../../../src/codecs/codecs.js';
import { type DepacketizedFrame, NO_PICTURE } from '../../../src/codecs/depacketizer.js';
import { UPLINK_VIDEO_CODECS, type VideoCodec } from '../../../src/protocol/codec-names.js';
import type { FramePayloads } from './media.js';

/** Whole frames, as they go to decoders and recorders. */
export function depacketized(
  payloads: FramePayloads,
): Readonly<Record<VideoCodec, readonly DepacketizedFrame[]>> {
  const frames: Partial<Record<VideoCodec, DepacketizedFrame[]>> = {};
  for (const codec of UPLINK_VIDEO_CODECS) {
    const depacketizer = UPLINK_VIDEO[codec].uplink.createDepacketizer({});
    frames[codec] = payloads[codec].flatMap((frame) => {
      const assembled = depacketizer.assemble(frame);
      return assembled && assembled !== NO_PICTURE ? [assembled] : [];
    });
  }
  return frames as Record<VideoCodec, DepacketizedFrame[]>;
}

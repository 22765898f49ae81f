/**
 * Cuts the frames of a room's composite into RTP payloads, once for all receivers. Picture ids count
 * on over encoder restarts, so receivers notice none. Frames that are not packetized leave no gap.
 */
import { packetizeAv1 } from '../codecs/av1-packetizer.js';
import { packetizeH264 } from '../codecs/h264-packetizer.js';
import { packetizeVp8 } from '../codecs/vp8-packetizer.js';
import { packetizeVp9 } from '../codecs/vp9-packetizer.js';
import type { VideoOutFrame } from '../link/link-messages.js';
import type { FramePackets } from './media-output.js';
import { encodeKey } from './watch-set.js';

interface PictureNumbers {
  /** 15 bit, of the last picture. */
  readonly pictureId: number;
  /** 8 bit, counts the pictures of the base layer. */
  readonly baseIndex: number;
  /** Picture id of the last picture of the base layer. */
  readonly base: number;
}

const FIRST: PictureNumbers = { pictureId: 0, baseIndex: 0, base: 0 };

export class CompositePacketizer {
  private readonly numbers = new Map<string, PictureNumbers>();

  packetize({ codec, rendition, data, keyframe, temporalLayer }: VideoOutFrame): Buffer[] {
    if (codec === 'h264') return packetizeH264(data);
    if (codec === 'av1') return packetizeAv1(data, keyframe);
    const key = encodeKey(codec, rendition);
    const last = this.numbers.get(key) ?? FIRST;
    const pictureId = (last.pictureId + 1) & 0x7fff;
    const isBase = temporalLayer === 0;
    const baseIndex = (last.baseIndex + (isBase ? 1 : 0)) & 0xff;
    this.numbers.set(key, { pictureId, baseIndex, base: isBase ? pictureId : last.base });
    if (codec === 'vp8') return packetizeVp8(data, pictureId, { temporalLayer, baseIndex });
    const reference = keyframe ? 0 : (pictureId - last.base) & 0x7fff;
    return packetizeVp9(data, pictureId, { temporalLayer, reference });
  }
}

/** The payloads of the frame that is being sent, made when the first output reads them. */
export class LazyPackets implements FramePackets {
  private frame: VideoOutFrame | undefined;
  private made: readonly Buffer[] | undefined;

  constructor(private readonly packetizer: CompositePacketizer) {}

  /** Another frame is being sent. */
  use(frame: VideoOutFrame): void {
    this.frame = frame;
    this.made = undefined;
  }

  /** Whether an output has read the payloads. */
  get wereRead(): boolean {
    return this.made !== undefined;
  }

  get payloads(): readonly Buffer[] {
    this.made ??= this.frame ? this.packetizer.packetize(this.frame) : [];
    return this.made;
  }
}

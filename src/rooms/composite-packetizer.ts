/**
 * Cuts the frames of a room's composite into RTP payloads, once for all receivers. Packetizers live
 * as long as the room, so picture ids count on over encoder restarts and receivers notice none.
 */
import { DOWNLINK_VIDEO } from '../codecs/codecs.js';
import type { Packetizer } from '../codecs/packetizer.js';
import type { VideoOutFrame } from '../link/link-messages.js';
import type { FramePackets } from './media-output.js';
import { encodeKey } from './watch-set.js';

export class CompositePacketizer {
  /** By {@link encodeKey}. */
  private readonly packetizers = new Map<string, Packetizer>();

  /** Frames that are not given leave no gap in the picture ids. */
  packetize(frame: VideoOutFrame): Buffer[] {
    const key = encodeKey(frame.codec, frame.rendition);
    let packetizer = this.packetizers.get(key);
    if (!packetizer) {
      packetizer = DOWNLINK_VIDEO[frame.codec].downlink.createPacketizer();
      this.packetizers.set(key, packetizer);
    }
    return packetizer.packetize(frame);
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

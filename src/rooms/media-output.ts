/**
 * One way out of a room. Participants, recordings and live outputs all receive the composite and the
 * mix through this interface. The room's pipeline reads what an output demands, has it encoded once
 * for all, and calls the output for each frame.
 */
import type {
  AudioInFrame,
  AudioOutFrame,
  SourceId,
  VideoInFrame,
  VideoOutFrame,
  WatchedVideo,
} from '../link/link-messages.js';
import type { Micros } from '../util/units.js';

/** The mix of everybody. Any other mix leaves out the source that it is named after. */
export const FULL_MIX: SourceId = 0;

/** What an output needs at present. Plain data; a change is reported with `demandChanged(output)`. */
export interface OutputDemand {
  /** The encodes that it receives, and the one that it is about to switch to. Empty: no video. */
  readonly videos: readonly WatchedVideo[];
  readonly audio: boolean;
  /**
   * The source whose own mix it hears. While that source is not in the mix, and for `FULL_MIX`, it
   * hears everybody.
   */
  readonly mix: SourceId;
  /** Whether it also needs its mix at the low bitrate. */
  readonly lowAudio: boolean;
  /** Whether it takes the encoded frames that sources send. */
  readonly sources: boolean;
}

/** The RTP payloads of one frame. All outputs share them. */
export interface FramePackets {
  /**
   * Made at the first reading, so a frame that only recordings receive is not packetized. Read it
   * during `onVideo` only, and do not change the buffers.
   */
  readonly payloads: readonly Buffer[];
}

export interface MediaOutput {
  /** For the log. */
  readonly name: string;
  readonly demand: OutputDemand;
  /** A frame of one of the demanded encodes. @param now monotonic. */
  onVideo(frame: VideoOutFrame, packets: FramePackets, now: Micros): void;
  /** A frame of its mix, at the full or the low bitrate. */
  onAudio(frame: AudioOutFrame, now: Micros): void;
  /** A frame of a source on its way to the decoder, in order of arrival. */
  onSource?(frame: VideoInFrame | AudioInFrame): void;
  /** One of the calls above threw. The output was removed and receives nothing more. */
  onFault(error: unknown): void;
}

import type {
  AudioInFrame,
  AudioOutFrame,
  VideoInFrame,
  VideoOutFrame,
  WatchedVideo,
} from '../link/link-messages.js';

/** What receives a room's composite besides its participants: a recording, a live stream. */
export interface CompositeSink {
  /** Undefined is sound alone. */
  readonly video: WatchedVideo | undefined;
  /** Whether it takes what participants send, too. */
  readonly takesSources: boolean;
  /** Of {@link video}. */
  onVideo(frame: VideoOutFrame): void;
  /** The mix of everybody. */
  onAudio(frame: AudioOutFrame): void;
  /** On its way to the decoder; in the order of arrival. */
  onSource(frame: VideoInFrame | AudioInFrame): void;
}

/**
 * One way into a room: a participant's camera and microphone, or the screen that they share. A
 * participant who shares a screen is two sources.
 */
import type { SourceId, SourceState } from '../link/link-messages.js';

/** In pixels. */
export interface ShownSize {
  readonly width: number;
  readonly height: number;
}

export interface MediaSource {
  readonly id: SourceId;
  /** What the compositor and the mixer need to know of it at present. */
  readonly state: SourceState;
  /** Asks the sender for a keyframe of its video, if it sends one. */
  requestKeyframe(): void;
  /**
   * The tiles moved.
   * @param size of its tile in the largest composite; undefined while it has no tile.
   */
  shownAt?(size: ShownSize | undefined): void;
}

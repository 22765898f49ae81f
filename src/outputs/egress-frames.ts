/**
 * Queue of frames on their way to an egress process. Frames that the process does not take are
 * dropped and counted; after a dropped video frame, video continues with the next keyframe.
 */
import type { MediaFrame } from '../link/link-messages.js';

/** A batch of this many frames is sent at once. */
const MAX_BATCH = 256;

export interface EgressFramesEvents {
  /** @returns false if the process does not take the frame. */
  send(frame: MediaFrame): boolean;
  /** A video frame was dropped: video needs a keyframe. */
  onKeyframeNeeded(): void;
}

export class EgressFrames {
  /** Frames that were not sent: not taken by the process, or video that waited for a keyframe. */
  dropped = 0;
  private readonly batch: MediaFrame[] = [];
  private timer: NodeJS.Timeout | undefined;
  private waitsForKeyframe = false;

  /**
   * @param batchMs collect frames this long and send them together, because it is the wake-ups that
   *   cost CPU; 0 sends each frame at once.
   */
  constructor(
    private readonly batchMs: number,
    private readonly events: EgressFramesEvents,
  ) {}

  add(frame: MediaFrame): void {
    this.batch.push(frame);
    if (this.batchMs === 0 || this.batch.length >= MAX_BATCH) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), this.batchMs);
  }

  /** Sends what was collected. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const frame of this.batch.splice(0)) this.send(frame);
  }

  private send(frame: MediaFrame): void {
    const isVideo = frame.kind === 'video-out';
    const isSkipped = isVideo && this.waitsForKeyframe && !frame.keyframe;
    if (!isSkipped && this.events.send(frame)) {
      if (isVideo) this.waitsForKeyframe = false;
      return;
    }
    this.dropped++;
    if (!isVideo || isSkipped) return;
    this.waitsForKeyframe = true;
    this.events.onKeyframeNeeded();
  }
}

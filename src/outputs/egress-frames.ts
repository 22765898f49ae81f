/**
 * Frames on their way to an egress process; what it does not take is counted, and pictures go on with
 * the next keyframe.
 */
import type { MediaFrame } from '../link/link-messages.js';

export interface EgressFramesEvents {
  /** @returns false if it is not taken. */
  send(frame: MediaFrame): boolean;
  /** A picture was not taken: those after it are of no use until a keyframe. */
  onPictureLost(): void;
}

export class EgressFrames {
  dropped = 0;
  private readonly frames: MediaFrame[] = [];
  private timer: NodeJS.Timeout | undefined;
  private waitsForKeyframe = false;

  /** @param batchMs how long they may be kept, to be sent some at a time: it is the waking up that costs. */
  constructor(
    private readonly batchMs: number,
    private readonly events: EgressFramesEvents,
  ) {}

  add(frame: MediaFrame): void {
    this.frames.push(frame);
    if (this.batchMs === 0) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), this.batchMs);
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const frame of this.frames.splice(0)) {
      const isPicture = frame.kind === 'video-out';
      if (isPicture && this.waitsForKeyframe && !frame.keyframe) continue;
      if (isPicture) this.waitsForKeyframe = false;
      if (this.events.send(frame)) continue;
      this.dropped++;
      if (!isPicture) continue;
      this.waitsForKeyframe = true;
      this.events.onPictureLost();
    }
  }
}

/** Frames on their way to a recorder's process, some at a time: it is the waking up that costs. */
import type { MediaFrame } from '../link/link-messages.js';

const BATCH_MS = 150;

export interface FrameBatchEvents {
  /** @returns false if it is not taken. */
  send(frame: MediaFrame): boolean;
  /** A picture was not taken: those after it are of no use until a keyframe. */
  onPictureLost(): void;
}

export class FrameBatch {
  dropped = 0;
  private readonly frames: MediaFrame[] = [];
  private timer: NodeJS.Timeout | undefined;
  private waitsForKeyframe = false;

  constructor(private readonly events: FrameBatchEvents) {}

  add(frame: MediaFrame): void {
    this.frames.push(frame);
    this.timer ??= setTimeout(() => this.flush(), BATCH_MS);
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

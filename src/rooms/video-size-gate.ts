/**
 * Which sizes of video are taken from one participant: usual ones always, larger ones up to the
 * server's limit and while there is CPU to decode them. Pure; times in microseconds.
 */
import { type FrameLimit, type FrameSize, fitsLimit, USUAL_SIZE } from '../util/frame-size.js';
import type { Micros } from '../util/units.js';

/** After this time CPU is asked for again. */
const REFUSED_FOR: Micros = 10_000_000;

export type SizeVerdict = 'taken' | 'too_large' | 'no_cpu';

export class VideoSizeGate {
  private readonly taken = new Set<string>();
  private refusedUntil: Micros = Number.NEGATIVE_INFINITY;

  /** @param admit reserves CPU for pictures of this size. @returns false if there is none. */
  constructor(
    readonly limit: FrameLimit,
    private readonly admit: (size: FrameSize) => boolean,
  ) {}

  judge(size: FrameSize, now: Micros): SizeVerdict {
    if (!fitsLimit(size, this.limit)) return 'too_large';
    const name = `${size.width}x${size.height}`;
    if (fitsLimit(size, USUAL_SIZE) || this.taken.has(name)) return 'taken';
    if (now < this.refusedUntil) return 'no_cpu';
    if (!this.admit(size)) {
      this.refusedUntil = now + REFUSED_FOR;
      return 'no_cpu';
    }
    // One size at a time: what was larger before costs nothing any more.
    this.taken.clear();
    this.taken.add(name);
    return 'taken';
  }
}

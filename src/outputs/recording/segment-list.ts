/**
 * The segments of a recording and where it is in time. A segment is what one egress process writes;
 * when that process dies, the next segment continues on the same clock. Times in the recording leave
 * pauses out. Pure.
 */
import type { Anchor, Continuation, Segment } from '../../link/egress-messages.js';
import type { Micros } from '../../util/units.js';

export class SegmentList {
  private list: readonly Segment[] = [];
  /** Whether the latest segment has media in it. */
  private hasMedia = false;
  /** The latest start or resume; undefined while nothing is written. */
  private anchor: Anchor | undefined;
  private endMicros: Micros = 0;

  /** The oldest first. */
  get segments(): readonly Segment[] {
    return this.list;
  }

  /** What is known to be written, in microseconds of the recording. */
  get durationMicros(): Micros {
    return this.endMicros;
  }

  /** Where a moment of the monotonic clock is in the recording. */
  positionAt(clock: Micros): Micros {
    const { anchor } = this;
    return anchor ? Math.max(0, clock - anchor.clock + anchor.file) : this.endMicros;
  }

  /** @returns where the new segment continues; undefined for the first. */
  begin(path: string): Continuation | undefined {
    const isFirst = this.list.length === 0;
    this.list = [...this.list, { path, offsetMicros: this.endMicros }];
    this.hasMedia = false;
    if (isFirst) return undefined;
    return { file: this.endMicros, ...(this.anchor ? { anchor: this.anchor } : {}) };
  }

  /** Media is written from here on: after the start of a segment, or after a resume. */
  started(anchor: Anchor): void {
    this.anchor = anchor;
    this.keepOffset(anchor);
  }

  /** Media started, but the recording has been paused: it stays paused. */
  startedWhilePaused(anchor: Anchor): void {
    this.keepOffset(anchor);
  }

  paused(clock: Micros): void {
    this.endMicros = Math.max(this.endMicros, this.positionAt(clock));
    this.anchor = undefined;
  }

  /** The recording is this long on the disk. */
  written(durationMicros: Micros): void {
    this.endMicros = Math.max(this.endMicros, durationMicros);
  }

  /** A segment's offset is where its first media is, not where it continues after a pause. */
  private keepOffset({ file }: Anchor): void {
    const last = this.list.at(-1);
    if (!last || this.hasMedia) return;
    this.hasMedia = true;
    this.list = [...this.list.slice(0, -1), { ...last, offsetMicros: file }];
  }
}

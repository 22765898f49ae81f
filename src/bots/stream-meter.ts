/** What one receiver of the composite gets: frames, gaps, losses. */
import type { RtpClient } from './rtp-client.js';

export interface StreamReport {
  readonly frames: number;
  /** Since the first frame. */
  readonly seconds: number;
  /** Longest time between two frames, in ms. */
  readonly longestGapMs: number;
  /** Packets that never came, of all kinds, and those expected. */
  readonly lost: number;
  readonly expected: number;
}

/** Sequence numbers of one stream, without wraps; a repair counts as the packet that it brings. */
class SequenceCounter {
  private first: number | undefined;
  private highest = 0;
  private readonly seen = new Set<number>();

  add(sequence: number): void {
    this.first ??= sequence;
    if (this.seen.size === 0) this.highest = sequence;
    const ahead = ((sequence - this.highest) << 16) >> 16;
    const extended = this.highest + ahead;
    this.highest = Math.max(this.highest, extended);
    this.seen.add(extended);
  }

  get expected(): number {
    return this.first === undefined ? 0 : this.highest - this.first + 1;
  }

  get lost(): number {
    return Math.max(0, this.expected - this.seen.size);
  }
}

export class StreamMeter {
  private frames = 0;
  private firstFrameAt = 0;
  private lastFrameAt = 0;
  private longestGapMs = 0;
  private readonly streams = new Map<number, SequenceCounter>();

  constructor(client: RtpClient) {
    client.onRtp(({ kind, ssrc, sequence, marker }) => {
      const stream = this.streams.get(ssrc) ?? new SequenceCounter();
      this.streams.set(ssrc, stream);
      stream.add(sequence);
      if (kind === 'video' && marker) this.frame(performance.now());
    });
  }

  report(now: number): StreamReport {
    const streams = [...this.streams.values()];
    const sum = (of: (stream: SequenceCounter) => number) =>
      streams.reduce((total, stream) => total + of(stream), 0);
    return {
      frames: this.frames,
      seconds: this.frames > 0 ? (now - this.firstFrameAt) / 1000 : 0,
      longestGapMs: Math.max(this.longestGapMs, this.frames > 0 ? now - this.lastFrameAt : 0),
      lost: sum(({ lost }) => lost),
      expected: sum(({ expected }) => expected),
    };
  }

  private frame(now: number): void {
    if (this.frames === 0) this.firstFrameAt = now;
    else this.longestGapMs = Math.max(this.longestGapMs, now - this.lastFrameAt);
    this.frames++;
    this.lastFrameAt = now;
  }
}

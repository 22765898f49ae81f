/** Decoded audio that waits to be played, interleaved. Lengths are in samples per channel. */
export class PcmFifo {
  /** Samples per channel that wait. */
  length = 0;
  private buffer: Float32Array;

  /** @param capacity in samples per channel; the buffer grows beyond it when it must. */
  constructor(
    private readonly channels: number,
    capacity: number,
  ) {
    this.buffer = new Float32Array(capacity * channels);
  }

  /** Appends a copy of interleaved samples. */
  append(pcm: Float32Array): void {
    const { channels } = this;
    const needed = this.length * channels + pcm.length;
    if (needed > this.buffer.length) {
      const larger = new Float32Array(needed * 2);
      larger.set(this.buffer.subarray(0, this.length * channels));
      this.buffer = larger;
    }
    this.buffer.set(pcm, this.length * channels);
    this.length += pcm.length / channels;
  }

  /**
   * Moves the oldest samples into `out`; what `out` has room for beyond them becomes silence.
   * @returns samples per channel that were moved.
   */
  takeInto(out: Float32Array): number {
    const { channels } = this;
    const taken = Math.min(this.length, out.length / channels);
    out.fill(0);
    out.set(this.buffer.subarray(0, taken * channels));
    this.buffer.copyWithin(0, taken * channels, this.length * channels);
    this.length -= taken;
    return taken;
  }

  clear(): void {
    this.length = 0;
  }
}

/** Signed distance from `from` to `to` in 16-bit serial arithmetic, positive if `to` is newer (RFC 1982). */
export function sequenceDelta(from: number, to: number): number {
  const delta = (to - from) & 0xffff;
  return delta >= 0x8000 ? delta - 0x1_0000 : delta;
}

/** Signed distance from `from` to `to` for 32-bit RTP timestamps. */
export function timestampDelta(from: number, to: number): number {
  return (to - from) | 0;
}

/** Extends wrapping counters to integers that do not wrap. */
export class Unwrapper {
  private last: number | undefined;

  /** @param bits width of the counter: 16 for sequence numbers, 32 for timestamps. */
  constructor(private readonly bits: 16 | 32) {}

  /** The extended value nearest to the last one given; the first value starts the count. */
  unwrap(value: number): number {
    if (this.last === undefined) {
      this.last = value;
      return value;
    }
    const delta =
      this.bits === 16
        ? sequenceDelta(this.last & 0xffff, value)
        : timestampDelta((this.last % 0x1_0000_0000) | 0, value);
    const extended = this.last + delta;
    if (delta > 0) this.last = extended;
    return extended;
  }
}

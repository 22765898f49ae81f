/** The smallest and a high percentile of recent values, recomputed after a number of new ones. */
export class SlidingPercentile {
  smallest = Number.NaN;
  percentile = Number.NaN;
  private readonly values: number[] = [];
  private next = 0;
  private sinceUpdate = 0;

  /**
   * @param window values looked back on.
   * @param every number of new values after which both are computed again.
   * @param share the percentile, 0 to 1.
   */
  constructor(
    private readonly window: number,
    private readonly every: number,
    private readonly share: number,
  ) {}

  /** @returns whether {@link smallest} and {@link percentile} were recomputed. */
  add(value: number): boolean {
    this.values[this.next] = value;
    this.next = (this.next + 1) % this.window;
    if (++this.sinceUpdate < this.every) return false;
    this.sinceUpdate = 0;
    const sorted = [...this.values].sort((a, b) => a - b);
    this.smallest = sorted[0] as number;
    this.percentile = sorted[Math.floor((sorted.length - 1) * this.share)] as number;
    return true;
  }

  reset(): void {
    this.values.length = 0;
    this.next = 0;
    this.sinceUpdate = 0;
    this.smallest = Number.NaN;
    this.percentile = Number.NaN;
  }
}

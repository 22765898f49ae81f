/** Lets one log line through in a period, and counts those it stands for. Pure: takes the time in milliseconds. */
export class LogLimit {
  private count = 0;
  private nextAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly periodMs: number) {}

  /** @returns how often it happened since the last line, this time included; undefined if no line is due. */
  due(nowMs: number): number | undefined {
    this.count++;
    if (nowMs < this.nextAt) return undefined;
    const { count } = this;
    this.count = 0;
    this.nextAt = nowMs + this.periodMs;
    return count;
  }
}

import type { Micros } from './units.js';

/** Bits a second over the last so many microseconds, of bytes that are told as they come. Pure. */
export class ByteRate {
  private readonly entries: { at: Micros; bytes: number }[] = [];

  constructor(private readonly window: Micros) {}

  /** @param at not before the one before. */
  add(bytes: number, at: Micros): void {
    this.entries.push({ at, bytes });
    let old = 0;
    while ((this.entries[old] as { at: Micros }).at <= at - this.window) old++;
    if (old > 0) this.entries.splice(0, old);
  }

  /**
   * @param now end of the window; undefined takes the moment of the newest bytes.
   * @param window at most that of the constructor.
   * @returns undefined while what is known spans less than half of the window.
   */
  bps(now?: Micros, window: Micros = this.window): number | undefined {
    const first = this.entries[0];
    const last = this.entries[this.entries.length - 1];
    if (!first || !last || last.at - first.at < window / 2) return undefined;
    const from = (now ?? last.at) - window;
    let bytes = 0;
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i] as { at: Micros; bytes: number };
      if (entry.at <= from) break;
      bytes += entry.bytes;
    }
    return (bytes * 8_000_000) / window;
  }
}

import type { Micros } from './units.js';

/** Bit rate over a window of recent microseconds. The caller reports bytes as they arrive. Pure. */
export class ByteRate {
  private readonly entries: { at: Micros; bytes: number }[] = [];

  constructor(private readonly window: Micros) {}

  add(bytes: number, at: Micros): void {
    let place = this.entries.length;
    // Reports may arrive out of order.
    while (place > 0 && (this.entries[place - 1] as { at: Micros }).at > at) place--;
    this.entries.splice(place, 0, { at, bytes });
    const newest = (this.entries[this.entries.length - 1] as { at: Micros }).at;
    let old = 0;
    while ((this.entries[old] as { at: Micros }).at <= newest - this.window) old++;
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

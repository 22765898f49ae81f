/**
 * Sums of counters whose owners come and go, or begin anew: a participant who leaves, a media process
 * that is replaced. What was counted stays counted; gauges are left out.
 */

/** Not sums of anything. */
const GAUGES = new Set([
  'video_height',
  'audio_delay_micros',
  'audio_delay_micros_max',
  'video_rendition',
  'video_temporal_layer',
  'audio_low_rate',
  'bandwidth_estimate_bps',
  'round_trip_micros',
  'pacer_queue_micros',
  'decoder_queue_frames',
  'rss_bytes',
  'load_level',
  'load_percent',
  'load_overloaded',
]);

export class CounterTotals {
  private readonly sums = new Map<string, number>();
  private readonly last = new Map<string, Readonly<Record<string, number>>>();

  /** @param owner whose counters these are; one that begins anew counts from nothing. */
  observe(owner: string, counters: Readonly<Record<string, number>>): void {
    const before = this.last.get(owner) ?? {};
    this.last.set(owner, counters);
    for (const [name, value] of Object.entries(counters)) {
      if (GAUGES.has(name)) continue;
      const since = before[name] ?? 0;
      this.add(name, value >= since ? value - since : value);
    }
  }

  /** It is gone; what it counted stays. */
  forget(owner: string): void {
    this.last.delete(owner);
  }

  addAll(totals: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(totals)) this.add(name, value);
  }

  get totals(): Record<string, number> {
    return Object.fromEntries(this.sums);
  }

  private add(name: string, value: number): void {
    this.sums.set(name, (this.sums.get(name) ?? 0) + value);
  }
}

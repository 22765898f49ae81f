import type { EncodeCounters } from '../link/media-counters.js';
import { CounterTotals } from '../util/counter-totals.js';

interface Entry {
  readonly codec: EncodeCounters['codec'];
  readonly rendition: number;
  readonly counts: CounterTotals<'frames' | 'keyframes' | 'bytes'>;
}

const keyOf = (codec: string, rendition: number) => `${codec} ${rendition}`;

/** Sums of encodes by codec and rendition, over media processes and rooms that come and go. */
export class EncodeTotals {
  private readonly entries = new Map<string, Entry>();

  /** Counts of one media process, or of the one that replaced it. */
  observe(encodes: readonly EncodeCounters[]): void {
    // A replaced process starts from zero, with other encodes.
    const reported = new Set(encodes.map(({ codec, rendition }) => keyOf(codec, rendition)));
    for (const [key, { counts }] of this.entries) if (!reported.has(key)) counts.forget('media');
    for (const { codec, rendition, ...counts } of encodes) {
      this.entryOf(codec, rendition).counts.observe('media', counts);
    }
  }

  addAll(encodes: readonly EncodeCounters[]): void {
    for (const { codec, rendition, ...counts } of encodes) {
      this.entryOf(codec, rendition).counts.addAll(counts);
    }
  }

  get totals(): EncodeCounters[] {
    return [...this.entries.values()].map(({ codec, rendition, counts }) => {
      const { frames = 0, keyframes = 0, bytes = 0 } = counts.totals;
      return { codec, rendition, frames, keyframes, bytes };
    });
  }

  private entryOf(codec: EncodeCounters['codec'], rendition: number): Entry {
    const key = keyOf(codec, rendition);
    const known = this.entries.get(key);
    if (known) return known;
    const entry: Entry = { codec, rendition, counts: new CounterTotals() };
    this.entries.set(key, entry);
    return entry;
  }
}

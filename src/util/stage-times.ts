/** How long the stages of the video path, and a tick of the sound, take: histograms by stage. */
import type { Micros } from './units.js';

/**
 * In the order of the path, without a gap between one and the next:
 * `reorder`: first packet of a frame to the whole frame, repairs waited for; `transfer`: over the link;
 * `decode`: with what waits for the decoder; `wait`: for the tick, and for the sound that belongs to
 * it; `compose`; `encode`; `send`: over the link back, packetised, encrypted and handed to the system
 * or the pacer. Beside the path, `mix`: a tick of the sound with its encodes.
 */
export const STAGES = [
  'reorder',
  'transfer',
  'decode',
  'wait',
  'compose',
  'encode',
  'send',
  'mix',
] as const;
export type Stage = (typeof STAGES)[number];

/** Upper bounds of the buckets: half a millisecond to a second. */
export const TIME_BOUNDS: readonly Micros[] = Array.from({ length: 12 }, (_, i) => 500 * 2 ** i);

/** Observations by bucket, the last of those above all bounds, and their sum. */
export interface TimeHistogram {
  readonly counts: readonly number[];
  readonly sumMicros: Micros;
}

export type StageHistograms = Readonly<Partial<Record<Stage, TimeHistogram>>>;

export function addHistograms(a: StageHistograms, b: StageHistograms): StageHistograms {
  const sum: Partial<Record<Stage, TimeHistogram>> = { ...a };
  for (const stage of STAGES) {
    const [one, other] = [a[stage], b[stage]];
    if (!other) continue;
    sum[stage] = {
      counts: other.counts.map((count, i) => count + (one?.counts[i] ?? 0)),
      sumMicros: other.sumMicros + (one?.sumMicros ?? 0),
    };
  }
  return sum;
}

export class StageTimes {
  private readonly byStage = new Map<Stage, { counts: number[]; sumMicros: Micros }>();

  observe(stage: Stage, micros: Micros): void {
    let histogram = this.byStage.get(stage);
    if (!histogram) {
      histogram = { counts: new Array(TIME_BOUNDS.length + 1).fill(0), sumMicros: 0 };
      this.byStage.set(stage, histogram);
    }
    let bucket = 0;
    while (bucket < TIME_BOUNDS.length && micros > (TIME_BOUNDS[bucket] as Micros)) bucket++;
    histogram.counts[bucket] = (histogram.counts[bucket] as number) + 1;
    histogram.sumMicros += micros;
  }

  /** All that was observed; plain data. */
  get histograms(): StageHistograms {
    return Object.fromEntries(this.byStage);
  }
}

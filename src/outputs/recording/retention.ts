/** Which recordings have been kept long enough. Pure. */
import { isOver, type RecordingInfo } from '../../protocol/recording-info.js';

export interface Retention {
  /** 0 keeps them whatever their age. */
  readonly maxAgeMs: number;
  /** Of all together; 0 is without limit. */
  readonly maxBytes: number;
}

/** @returns ids: those that are too old, and the oldest of those that are too much together. */
export function expired(
  recordings: readonly RecordingInfo[],
  { maxAgeMs, maxBytes }: Retention,
  now: number,
): string[] {
  const over = recordings
    .filter(isOver)
    .sort((a, b) => (b.endedAt ?? b.startedAt) - (a.endedAt ?? a.startedAt));
  let total = 0;
  return over
    .filter(({ endedAt, startedAt, bytes }) => {
      total += bytes;
      const tooOld = maxAgeMs > 0 && now - (endedAt ?? startedAt) > maxAgeMs;
      return tooOld || (maxBytes > 0 && total > maxBytes);
    })
    .map(({ id }) => id);
}

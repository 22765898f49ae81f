/** Which recordings have been kept long enough. Pure. */
import type { RecordingInfo } from '../../protocol/recording-info.js';
import { isOver } from '../../protocol/recording-status.js';

export interface Retention {
  /** 0 keeps recordings of any age. */
  readonly maxAgeMs: number;
  /** Limit for all recordings together; 0 has no limit. */
  readonly maxBytes: number;
}

/** @returns ids of recordings that are too old, and of the oldest ones beyond the size limit. */
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

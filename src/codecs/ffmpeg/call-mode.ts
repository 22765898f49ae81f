/**
 * Decides whether a native call is made on this thread or on libuv's pool. The pool costs about 65 us
 * of CPU a call (`npm run bench:scalers`), as much as decoding a small picture. So short calls are made
 * on this thread, as long as the event loop has time for them.
 */
import { performance } from 'node:perf_hooks';

/** A call that reads this many pixels takes about 0.3 ms. */
const SHORT_PIXELS = 640 * 360;
/** The event loop has time while it is busy for at most this share. */
const MAX_UTILIZATION = 0.5;
const SAMPLE_MS = 500;

let sample = performance.eventLoopUtilization();
let sampledAt = performance.now();
let hasTime = true;

/** @param pixels that the call reads. */
export function isMadeInline(pixels: number): boolean {
  if (pixels > SHORT_PIXELS) return false;
  const now = performance.now();
  if (now - sampledAt > SAMPLE_MS) {
    const next = performance.eventLoopUtilization();
    hasTime = performance.eventLoopUtilization(next, sample).utilization < MAX_UTILIZATION;
    sample = next;
    sampledAt = now;
  }
  return hasTime;
}

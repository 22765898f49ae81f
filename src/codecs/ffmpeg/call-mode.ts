/**
 * Whether a native call is made at once, or on libuv's pool. Giving a call away and taking its answer
 * costs about 65 us of CPU (`npm run bench:scalers`), as much as decoding a small picture: what is
 * short is done here, as long as the event loop has time for it.
 */
import { performance } from 'node:perf_hooks';

/** A call that reads so many pixels takes about 0.3 ms. */
const SHORT_PIXELS = 640 * 360;
/** Share of its time that the event loop may be busy. */
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

/**
 * Detects whether a path's queues grow, from the times at which packets left and arrived: packet
 * groups, a trendline over their delay variation, an adaptive threshold (draft-ietf-rmcat-gcc-02, 5.1
 * to 5.4, with libwebrtc's trendline in place of the Kalman filter). Pure; times in microseconds. The
 * two clocks may have any offset.
 */
import type { Micros } from '../util/units.js';

export type Usage = 'normal' | 'overuse' | 'underuse';

/** Packets that leave within this time of a group's first packet belong to the group. */
const GROUP_SPAN: Micros = 5_000;
/** Packets that were held up and arrive within this time of each other are one group too. */
const BURST_GAP: Micros = 5_000;
const MAX_BURST: Micros = 100_000;
const WINDOW = 20;
const SMOOTHING = 0.9;
const GAIN = 4;
const MAX_DELTAS = 60;
const OVERUSE_AFTER_MS = 10;
const K_UP = 0.0087;
const K_DOWN = 0.039;
const MIN_THRESHOLD = 6;
const MAX_THRESHOLD = 600;
const MAX_ADAPT_OFFSET = 15;
/** After this long without packets the history is dropped. */
const RESET_AFTER: Micros = 2_000_000;

interface Group {
  readonly firstSent: Micros;
  lastSent: Micros;
  readonly firstArrival: Micros;
  lastArrival: Micros;
}

export class OveruseDetector {
  usage: Usage = 'normal';
  private group: Group | undefined;
  private previous: Group | undefined;
  private readonly points: { at: number; delay: number }[] = [];
  private accumulated = 0;
  private smoothed = 0;
  private deltas = 0;
  private firstArrival: Micros | undefined;
  private threshold = 12.5;
  private thresholdAt: Micros | undefined;
  private overusingMs = 0;
  private overuses = 0;
  private previousTrend = 0;

  /** Takes a packet; to be called in the order of arrival. */
  packet(sent: Micros, arrival: Micros): void {
    const { group } = this;
    if (group && arrival - group.lastArrival > RESET_AFTER) this.reset();
    if (!this.group) {
      this.group = {
        firstSent: sent,
        lastSent: sent,
        firstArrival: arrival,
        lastArrival: arrival,
      };
      return;
    }
    const current = this.group;
    if (sent < current.firstSent) return;
    if (sent - current.firstSent <= GROUP_SPAN || isBurst(current, sent, arrival)) {
      current.lastSent = Math.max(current.lastSent, sent);
      current.lastArrival = Math.max(current.lastArrival, arrival);
      return;
    }
    if (this.previous) this.compare(this.previous, current);
    this.previous = current;
    this.group = {
      firstSent: sent,
      lastSent: sent,
      firstArrival: arrival,
      lastArrival: arrival,
    };
  }

  private compare(before: Group, after: Group): void {
    const sentMs = (after.lastSent - before.lastSent) / 1000;
    const arrivedMs = (after.lastArrival - before.lastArrival) / 1000;
    const arrival = after.lastArrival;
    this.deltas = Math.min(this.deltas + 1, 1000);
    this.firstArrival ??= arrival;
    this.accumulated += arrivedMs - sentMs;
    this.smoothed = SMOOTHING * this.smoothed + (1 - SMOOTHING) * this.accumulated;
    this.points.push({ at: (arrival - this.firstArrival) / 1000, delay: this.smoothed });
    if (this.points.length > WINDOW) this.points.shift();
    if (this.points.length === WINDOW) this.detect(this.slope(), sentMs, arrival);
  }

  /** Least squares over the window: growth of the delay per time. */
  private slope(): number {
    let at = 0;
    let delay = 0;
    for (const point of this.points) {
      at += point.at;
      delay += point.delay;
    }
    at /= this.points.length;
    delay /= this.points.length;
    let above = 0;
    let below = 0;
    for (const point of this.points) {
      above += (point.at - at) * (point.delay - delay);
      below += (point.at - at) ** 2;
    }
    return below === 0 ? this.previousTrend : above / below;
  }

  private detect(trend: number, sentMs: number, now: Micros): void {
    const scaled = Math.min(this.deltas, MAX_DELTAS) * trend * GAIN;
    if (scaled > this.threshold) {
      this.overusingMs += sentMs;
      this.overuses++;
      if (this.overusingMs > OVERUSE_AFTER_MS && this.overuses > 1 && trend >= this.previousTrend) {
        this.overusingMs = 0;
        this.overuses = 0;
        this.usage = 'overuse';
      }
    } else {
      this.overusingMs = 0;
      this.overuses = 0;
      this.usage = scaled < -this.threshold ? 'underuse' : 'normal';
    }
    this.previousTrend = trend;
    this.adaptThreshold(Math.abs(scaled), now);
  }

  private adaptThreshold(size: number, now: Micros): void {
    const since = Math.min(100, (now - (this.thresholdAt ?? now)) / 1000);
    this.thresholdAt = now;
    if (size > this.threshold + MAX_ADAPT_OFFSET) return;
    const k = size < this.threshold ? K_DOWN : K_UP;
    const moved = this.threshold + k * (size - this.threshold) * since;
    this.threshold = Math.min(MAX_THRESHOLD, Math.max(MIN_THRESHOLD, moved));
  }

  private reset(): void {
    this.group = undefined;
    this.previous = undefined;
    this.points.length = 0;
    this.accumulated = 0;
    this.smoothed = 0;
    this.deltas = 0;
    this.firstArrival = undefined;
    this.usage = 'normal';
  }
}

function isBurst(group: Group, sent: Micros, arrival: Micros): boolean {
  const later = arrival - group.lastArrival;
  return (
    later <= BURST_GAP && later < sent - group.lastSent && arrival - group.firstArrival < MAX_BURST
  );
}

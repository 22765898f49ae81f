/**
 * Stage: finds out whether a path takes a certain bitrate. For a moment padding fills what is sent up
 * to that bitrate; the estimator judges what arrived. Pure but for the stream that it pads.
 */
import type { BandwidthEstimator } from '../send/bandwidth-estimator.js';
import type { OutboundStream } from '../send/outbound-stream.js';
import type { Micros } from '../util/units.js';

const DURATION: Micros = 100_000;
/** At a low bitrate a probe takes longer: one packet alone shows nothing. */
const MIN_BITS = 20_000;

export class BandwidthProber {
  private active = false;
  private bitrateBps = 0;
  private until: Micros = 0;
  /** Padding has been sent for the time until then. */
  private paddedUntil: Micros = 0;

  constructor(
    private readonly estimator: BandwidthEstimator,
    private readonly stream: OutboundStream | undefined,
  ) {}

  get isActive(): boolean {
    return this.active;
  }

  start(bitrateBps: number, now: Micros): void {
    this.estimator.startProbe(bitrateBps);
    this.active = true;
    this.bitrateBps = bitrateBps;
    this.until = now + Math.max(DURATION, (MIN_BITS * 1_000_000) / bitrateBps);
    this.paddedUntil = now;
  }

  /** Sends the padding that is due. Called every few milliseconds. */
  tick(now: Micros): void {
    if (!this.active) return;
    let owed = (this.bitrateBps * (now - this.paddedUntil)) / 8_000_000;
    while (owed > 0) {
      const bytes = this.stream?.pad(now) ?? 0;
      if (bytes === 0) break;
      owed -= bytes;
    }
    this.paddedUntil = now - (owed * 8_000_000) / this.bitrateBps;
    if (now < this.until) return;
    this.active = false;
    this.estimator.endProbe(now);
  }
}

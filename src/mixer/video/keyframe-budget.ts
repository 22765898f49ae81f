/**
 * When one encode answers requests for keyframes. Requests that come close together share one
 * keyframe; on average those asked for by receivers that have a picture take no more than a small
 * share of the bits, however many ask, so that nobody's losses blur what the others see. Whoever has
 * no picture yet does not wait for that. Pure; times in microseconds.
 */
import type { Micros } from '../../util/units.js';

/** Of the bitrate. */
const SHARE = 0.03;
/** What was not spent for so long may be spent at once. */
const SAVED: Micros = 20_000_000;
const INTERVAL: Micros = 500_000;
/** With this, and the way there and back, a late joiner has a picture within half a second. */
const URGENT_INTERVAL: Micros = 250_000;

export class KeyframeBudget {
  readonly counters = {
    keyframes_requested: 0,
    /** For requests, those for somebody without a picture too. */
    keyframes_sent: 0,
    keyframes_sent_urgently: 0,
    /** That nobody asked for. */
    keyframes_of_encoder: 0,
    keyframe_bytes_sent: 0,
  };
  private wanted: 'no' | 'yes' | 'urgently' = 'no';
  private sentAt = Number.NEGATIVE_INFINITY;
  /** In bits; below zero after urgent ones. */
  private credit: number;
  private creditAt: Micros | undefined;

  constructor(private readonly bitrateBps: number) {
    this.credit = this.most;
  }

  request(urgent: boolean): void {
    this.counters.keyframes_requested++;
    if (urgent) this.wanted = 'urgently';
    else if (this.wanted === 'no') this.wanted = 'yes';
  }

  isDue(now: Micros): boolean {
    if (this.wanted === 'no') return false;
    this.earn(now);
    const since = now - this.sentAt;
    if (this.wanted === 'urgently') return since >= URGENT_INTERVAL;
    return since >= INTERVAL && this.credit > 0;
  }

  /** A keyframe was made that nobody had to ask for: an encoder's first, a still. */
  made(now: Micros): void {
    this.counters.keyframes_of_encoder++;
    this.answered(now);
  }

  /** A keyframe was made because {@link isDue} said so. */
  sent(bytes: number, now: Micros): void {
    this.earn(now);
    if (this.wanted === 'urgently') this.counters.keyframes_sent_urgently++;
    this.answered(now);
    this.credit = Math.max(-this.most, this.credit - bytes * 8);
    this.counters.keyframes_sent++;
    this.counters.keyframe_bytes_sent += bytes;
  }

  private answered(now: Micros): void {
    this.wanted = 'no';
    this.sentAt = now;
  }

  private get most(): number {
    return (SHARE * this.bitrateBps * SAVED) / 1_000_000;
  }

  private earn(now: Micros): void {
    const since = now - (this.creditAt ?? now);
    this.creditAt = now;
    this.credit = Math.min(this.most, this.credit + (SHARE * this.bitrateBps * since) / 1_000_000);
  }
}

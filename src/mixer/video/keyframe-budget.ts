/**
 * When one encode answers requests for keyframes. Requests that come close together share one
 * keyframe. Keyframes for receivers that already have a picture take a small share of the bitrate
 * on average, however many ask, so that one receiver's loss does not blur what the others see. A
 * receiver without a picture does not wait for that. Pure; times in microseconds.
 */
import type { Micros } from '../../util/units.js';

/** Share of the bitrate. */
const SHARE = 0.03;
/** The budget of this time can be saved up and spent at once. */
const SAVED: Micros = 20_000_000;
const INTERVAL: Micros = 500_000;
/** With this and the round trip, somebody who joins has a picture within half a second. */
const URGENT_INTERVAL: Micros = 250_000;

export interface KeyframeCounters {
  keyframes_requested: number;
  /** Answers to requests, urgent ones included. */
  keyframes_sent: number;
  /** Answers to receivers without a picture. */
  keyframes_sent_urgently: number;
  /** Keyframes that nobody asked for: the first of an encoder, stills. */
  keyframes_of_encoder: number;
  /** Bytes of the answers. */
  keyframe_bytes_sent: number;
}

export function keyframeCounters(): KeyframeCounters {
  return {
    keyframes_requested: 0,
    keyframes_sent: 0,
    keyframes_sent_urgently: 0,
    keyframes_of_encoder: 0,
    keyframe_bytes_sent: 0,
  };
}

export class KeyframeBudget {
  private wanted: 'no' | 'yes' | 'urgently' = 'no';
  private sentAt = Number.NEGATIVE_INFINITY;
  /** In bits; below zero after urgent keyframes. */
  private credit: number;
  private creditAt: Micros | undefined;

  constructor(
    private readonly bitrateBps: number,
    readonly counters: KeyframeCounters = keyframeCounters(),
  ) {
    this.credit = this.maxCredit;
  }

  /** @param urgent the receiver has no picture yet. */
  request(urgent: boolean): void {
    this.counters.keyframes_requested++;
    if (urgent) this.wanted = 'urgently';
    else if (this.wanted === 'no') this.wanted = 'yes';
  }

  /** Whether the next frame has to be a keyframe. */
  isDue(now: Micros): boolean {
    if (this.wanted === 'no') return false;
    this.earn(now);
    const since = now - this.sentAt;
    if (this.wanted === 'urgently') return since >= URGENT_INTERVAL;
    return since >= INTERVAL && this.credit > 0;
  }

  /** The encoder made a keyframe that nobody asked for. */
  made(now: Micros): void {
    this.counters.keyframes_of_encoder++;
    this.answered(now);
  }

  /** The encoder made a keyframe because {@link isDue} said so. */
  sent(bytes: number, now: Micros): void {
    this.earn(now);
    if (this.wanted === 'urgently') this.counters.keyframes_sent_urgently++;
    this.answered(now);
    this.credit = Math.max(-this.maxCredit, this.credit - bytes * 8);
    this.counters.keyframes_sent++;
    this.counters.keyframe_bytes_sent += bytes;
  }

  private answered(now: Micros): void {
    this.wanted = 'no';
    this.sentAt = now;
  }

  private get maxCredit(): number {
    return (SHARE * this.bitrateBps * SAVED) / 1_000_000;
  }

  private earn(now: Micros): void {
    const since = now - (this.creditAt ?? now);
    this.creditAt = now;
    const earned = (SHARE * this.bitrateBps * since) / 1_000_000;
    this.credit = Math.min(this.maxCredit, this.credit + earned);
  }
}

/**
 * Estimates what a sender's path takes, for senders without transport-wide feedback
 * (draft-alvestrand-rmcat-remb-03). It uses the same detector and controller as for our own sending,
 * with the abs-send-time of the sender's packets. Pure; times in microseconds.
 */

import { OveruseDetector } from '../rtp/overuse-detector.js';
import { RateController } from '../rtp/rate-controller.js';
import { ByteRate } from '../util/byte-rate.js';
import type { Micros } from '../util/units.js';

const START_BPS = 500_000;
const MIN_BPS = 50_000;
const MAX_BPS = 10_000_000;
const WINDOW: Micros = 500_000;
const UPDATE_INTERVAL: Micros = 100_000;
const REPORT_INTERVAL: Micros = 1_000_000;
/** An estimate that falls below this share of the last report is reported at once. */
const FALL = 0.97;
/** abs-send-time: 24 bits, 6 of them seconds. */
const WRAP = 0x100_0000;
const UNITS_PER_SECOND = 1 << 18;

export class RembEstimator {
  private readonly detector = new OveruseDetector();
  private readonly controller = new RateController(START_BPS, MIN_BPS, MAX_BPS);
  private sentUnits: number | undefined;
  private readonly carried = new ByteRate(WINDOW);
  private updatedAt: Micros = 0;
  private reportedAt = Number.NEGATIVE_INFINITY;
  private reportedBps = 0;

  /** @param absSendTime the header extension's 24 bits. */
  received(absSendTime: number, bytes: number, now: Micros): void {
    // Unwrap it to the nearest moment that has these 24 bits.
    const last = this.sentUnits ?? absSendTime;
    const step = ((absSendTime - (last % WRAP) + WRAP * 1.5) % WRAP) - WRAP / 2;
    this.sentUnits = last + step;
    this.detector.packet((this.sentUnits * 1_000_000) / UNITS_PER_SECOND, now);
    this.carried.add(bytes, now);
  }

  /** Called every few tens of milliseconds. @returns the bitrate to report now, if any. */
  due(roundTrip: Micros, now: Micros): number | undefined {
    if (this.sentUnits === undefined || now - this.updatedAt < UPDATE_INTERVAL) return undefined;
    this.updatedAt = now;
    this.controller.update(this.detector.usage, this.carried.bps(now), roundTrip, now);
    const { bitrateBps } = this.controller;
    const fell = bitrateBps < FALL * this.reportedBps;
    if (!fell && now - this.reportedAt < REPORT_INTERVAL) return undefined;
    this.reportedAt = now;
    this.reportedBps = bitrateBps;
    return Math.round(bitrateBps);
  }
}

/**
 * Estimates what one client's path takes, from its transport-wide feedback: the delay-based estimate
 * of Google congestion control, corrected by probes and by loss beyond what the path usually loses.
 * Pure; times in microseconds.
 */

import { OveruseDetector } from '../rtp/overuse-detector.js';
import { RateController } from '../rtp/rate-controller.js';
import { sequenceDelta } from '../rtp/sequence.js';
import { ByteRate } from '../util/byte-rate.js';
import type { Micros } from '../util/units.js';
import { BandwidthProbe } from './bandwidth-probe.js';
import { readTransportFeedback } from './transport-feedback-reader.js';

/** Packets that are remembered until feedback reports on them. */
const HISTORY = 8192;
const CARRIED_WINDOW: Micros = 500_000;
/** While a queue grows the path is full, so this time is enough to measure what it carries. */
const FULL_WINDOW: Micros = 150_000;
const LOSS_INTERVAL: Micros = 500_000;
const LOSS_FALL = 0.9;
/** Loss that stays this long, whatever we send, is the path's own. */
const INHERENT_WINDOW: Micros = 10_000_000;
const HIGH_LOSS = 0.1;
/** The same while packets are not delayed: then it is hardly a queue that drops them. */
const HIGH_LOSS_UNDELAYED = 0.3;
const UNDELAYED: Micros = 15_000;
/** Loss in one feedback message that is acted on at once: a queue has overflowed. */
const SUDDEN_LOSS = 0.3;
/** A path that delays packets this much longer than its least delay has a queue that we fill. */
const STANDING_QUEUE: Micros = 60_000;
const DRAIN = 0.85;
const LOSS_OF_FULL_QUEUE = 0.02;
/** The least delay is measured over one or two of these periods: routes and clocks change. */
const LEAST_DELAY_PERIOD: Micros = 30_000_000;
const UDP_OVERHEAD = 28;
/** What feedback has said about a packet. */
const [UNKNOWN, LOST, ARRIVED] = [0, 1, 2] as const;

/** The RTP packet that a lost transport-wide sequence number belonged to. */
export interface LostPacket {
  readonly ssrc: number;
  readonly sequence: number;
}

export interface BandwidthEstimatorOptions {
  readonly startBps: number;
  readonly minBps: number;
  readonly maxBps: number;
}

export interface BandwidthEstimatorCounters {
  transport_feedback_received: number;
  bandwidth_overuses: number;
  bandwidth_losses: number;
}

export class BandwidthEstimator {
  readonly counters: BandwidthEstimatorCounters = {
    transport_feedback_received: 0,
    bandwidth_overuses: 0,
    bandwidth_losses: 0,
  };
  /** When congestion was last seen. */
  congestedAt = Number.NEGATIVE_INFINITY;
  /** Share of packets lost, 0 to 1, updated each half second. It rises at once and falls slowly. */
  lossShare = 0;
  private readonly detector = new OveruseDetector();
  private readonly controller: RateController;
  private readonly sentAt = new Float64Array(HISTORY);
  private readonly bytes = new Uint32Array(HISTORY);
  private readonly ssrcs = new Uint32Array(HISTORY);
  private readonly sequences = new Uint16Array(HISTORY);
  private readonly fates = new Uint8Array(HISTORY);
  private next = 0;
  private readonly carried = new ByteRate(CARRIED_WINDOW);
  private reported = { since: 0, packets: 0, lost: 0 };
  /** Arrival minus departure, on two clocks: only differences of it have a meaning. */
  private leastDelay = {
    since: 0,
    current: Number.POSITIVE_INFINITY,
    before: Number.POSITIVE_INFINITY,
  };
  /** The least time that packets of the last feedback waited in the path's queue. */
  private queueDelay: Micros = 0;
  private losses: { at: Micros; share: number }[] = [];
  private probe: BandwidthProbe | undefined;

  constructor(options: BandwidthEstimatorOptions) {
    this.controller = new RateController(options.startBps, options.minBps, options.maxBps);
  }

  snapshot(): Readonly<BandwidthEstimatorCounters> {
    return { ...this.counters };
  }

  get bitrateBps(): number {
    return this.controller.bitrateBps;
  }

  /** Notes a packet that leaves now. @returns its 16-bit transport-wide sequence number. */
  sent(ssrc: number, sequence: number, bytes: number, now: Micros): number {
    const number = this.next;
    this.next = (number + 1) & 0xffff;
    const slot = number % HISTORY;
    this.sentAt[slot] = now;
    this.bytes[slot] = bytes + UDP_OVERHEAD;
    this.ssrcs[slot] = ssrc;
    this.sequences[slot] = sequence;
    this.fates[slot] = UNKNOWN;
    return number;
  }

  /** Begins a probe: what is sent until {@link endProbe} shows whether the path takes this rate. */
  startProbe(rateBps: number): void {
    this.probe = new BandwidthProbe(rateBps, this.next);
  }

  endProbe(now: Micros): void {
    this.probe?.end((this.next - 1) & 0xffff, now);
  }

  /**
   * Takes a feedback message. Each packet counts once, although libwebrtc repeats half a second of
   * feedback after a packet that comes late.
   * @returns the packets that it reports as lost.
   */
  feedback(packet: Buffer, roundTrip: Micros, now: Micros): LostPacket[] {
    const lost: LostPacket[] = [];
    this.counters.transport_feedback_received++;
    let arrived = 0;
    let delay = Number.POSITIVE_INFINITY;
    for (const { sequence, arrival } of readTransportFeedback(packet)) {
      const slot = sequence % HISTORY;
      const behind = sequenceDelta(sequence, this.next);
      if (behind <= 0 || behind > HISTORY || this.fates[slot] === ARRIVED) continue;
      const bytes = this.bytes[slot] as number;
      const wasLost = this.fates[slot] === LOST;
      this.fates[slot] = arrival === undefined ? LOST : ARRIVED;
      if (wasLost) {
        // It was sent again, or overtaken. When it left is not known, but the path did carry it.
        if (arrival !== undefined) this.carried.add(bytes, arrival);
        continue;
      }
      this.probe?.packet(sequence, bytes, arrival);
      if (arrival === undefined) {
        lost.push({ ssrc: this.ssrcs[slot] as number, sequence: this.sequences[slot] as number });
        continue;
      }
      arrived++;
      const sent = this.sentAt[slot] as number;
      delay = Math.min(delay, arrival - sent);
      this.detector.packet(sent, arrival);
      this.carried.add(bytes, arrival);
    }
    const total = arrived + lost.length;
    if (total === 0) return lost;
    if (arrived > 0) this.judgeDelay(delay, now);
    const before = this.controller.bitrateBps;
    if (this.detector.usage === 'overuse') this.congestedAt = now;
    const carried =
      this.detector.usage === 'overuse'
        ? Math.max(this.carriedBps() ?? 0, this.carriedBps(FULL_WINDOW) ?? 0) || undefined
        : this.carriedBps();
    this.controller.update(this.detector.usage, carried, roundTrip, now);
    if (this.controller.bitrateBps < before) this.counters.bandwidth_overuses++;
    this.judgeLoss(total, lost.length, now);
    this.judgeProbe(now);
    return lost;
  }

  /** What the path has carried lately; undefined while too little came. @param window at most 500 ms. */
  carriedBps(window: Micros = CARRIED_WINDOW): number | undefined {
    return this.carried.bps(undefined, window);
  }

  /** Takes the receiver's own estimate, if it sends no transport-wide feedback (draft-alvestrand-rmcat-remb). */
  remb(bitrateBps: number): void {
    this.controller.set(bitrateBps);
  }

  private judgeLoss(packets: number, lost: number, now: Micros): void {
    this.reported.packets += packets;
    this.reported.lost += lost;
    const sudden =
      packets >= 8 &&
      this.queueDelay >= UNDELAYED &&
      lost / packets > SUDDEN_LOSS + this.inherentLoss();
    if (!sudden && now - this.reported.since < LOSS_INTERVAL) return;
    if (this.reported.packets < 8) return;
    const share = this.reported.lost / this.reported.packets;
    this.reported = { since: now, packets: 0, lost: 0 };
    this.lossShare = Math.max(share, this.lossShare * LOSS_FALL);
    const excess = share - this.inherentLoss();
    if (this.queueDelay > STANDING_QUEUE) {
      this.drain(share, now);
      return;
    }
    this.losses.push({ at: now, share });
    while ((this.losses[0] as { at: Micros }).at < now - INHERENT_WINDOW) this.losses.shift();
    // Without a queue a single burst of loss says nothing; loss that stays may be a rate limiter.
    const before = this.losses[this.losses.length - 2]?.share ?? 0;
    const undelayed = this.queueDelay < UNDELAYED;
    const counted = undelayed ? Math.min(excess, before - this.inherentLoss()) : excess;
    if (counted <= (undelayed ? HIGH_LOSS_UNDELAYED : HIGH_LOSS)) return;
    this.congestedAt = now;
    this.counters.bandwidth_losses++;
    // The path did carry what arrived: loss alone is no reason to go below it.
    const carried = this.carriedBps() ?? 0;
    const { bitrateBps } = this.controller;
    const reduced = sudden ? carried : Math.max(carried, bitrateBps * (1 - 0.5 * excess));
    if (reduced > 0 && reduced < bitrateBps) this.controller.set(reduced);
  }

  private judgeDelay(delay: Micros, now: Micros): void {
    const least = this.leastDelay;
    if (now - least.since > LEAST_DELAY_PERIOD) {
      this.leastDelay = { since: now, current: delay, before: least.current };
    } else least.current = Math.min(least.current, delay);
    this.queueDelay = delay - Math.min(this.leastDelay.current, this.leastDelay.before);
  }

  /** A queue that stays full loses packets while its delay no longer grows: send less than the path carries. */
  private drain(share: number, now: Micros): void {
    const carried = this.carriedBps();
    if (share < LOSS_OF_FULL_QUEUE || carried === undefined) return;
    this.congestedAt = now;
    this.counters.bandwidth_losses++;
    if (DRAIN * carried < this.controller.bitrateBps) this.controller.set(DRAIN * carried);
  }

  /** The least loss of the last ten seconds: sending less did not help against it. */
  private inherentLoss(): number {
    const first = this.losses[0];
    const last = this.losses[this.losses.length - 1];
    if (!first || !last || last.at - first.at < INHERENT_WINDOW * 0.6) return 0;
    return Math.min(...this.losses.map(({ share }) => share));
  }

  private judgeProbe(now: Micros): void {
    if (!this.probe?.isOver(now)) return;
    const carried = this.probe.carriedBps(this.inherentLoss());
    this.probe = undefined;
    if (carried !== undefined && carried > this.controller.bitrateBps) this.controller.set(carried);
  }
}

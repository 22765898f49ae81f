/**
 * Stage: everything that leaves for one client. Audio goes at once; video goes at once up to a burst,
 * the rest is spread over time; all packets are numbered for transport-wide feedback. Callers may rely
 * on: packets of one stream leave in order, and those that wait leave in {@link PacedSender.tick}.
 * Pure; times in microseconds.
 */
import type { Micros, Ssrc } from '../util/units.js';
import type { BandwidthEstimator } from './bandwidth-estimator.js';

/** Where packets go; both return false when they could not be sent. */
export interface PacketSink {
  /** @param packet memory with SRTP_TRAILER_BYTES bytes more than `length`; it is the sink's from now on. */
  sendRtp(packet: Buffer, length: number, headerLength: number): boolean;
  sendRtcp(compound: Buffer): boolean;
}

/** A packet that a stream has made and that has not left yet. */
export interface PacedPacket {
  readonly size: number;
  /** Writes and sends it now. */
  depart(now: Micros): void;
  /** It will not leave. */
  dropped(): void;
}

/** Packets leave this much faster than the estimate, so that queues stay short (as in libwebrtc). */
const PACING_FACTOR = 2.5;
/** The factor while the path shows congestion. */
const CONGESTED_FACTOR = 1.2;
const CONGESTED_FOR: Micros = 3_000_000;
/** Share of the estimate that repairs may take during congestion: sending more fills the queue more. */
const CONGESTED_REPAIR_SHARE = 0.15;
const MAX_REPAIR_BYTES = 12_000;
/** This much is sent at once before pacing begins: an ordinary frame. */
const BURST_MS = 20;
const MIN_BURST_BYTES = 12_000;
const CONGESTED_BURST_BYTES = 3_000;
/** A queue that takes longer than this to leave is too late. */
const MAX_QUEUE: Micros = 1_000_000;

export interface PacedSenderCounters {
  pacer_packets_delayed: number;
  pacer_packets_dropped: number;
}

export class PacedSender {
  readonly counters: PacedSenderCounters = {
    pacer_packets_delayed: 0,
    pacer_packets_dropped: 0,
  };
  private readonly queue: PacedPacket[] = [];
  private readonly repairs: PacedPacket[] = [];
  private queuedBytes = 0;
  private budget = MIN_BURST_BYTES;
  private repairBudget = MAX_REPAIR_BYTES;
  private budgetAt: Micros | undefined;

  /** @param transportSequenceId of the header extension; 0 if not negotiated. */
  constructor(
    private readonly sink: PacketSink,
    readonly estimator: BandwidthEstimator,
    readonly transportSequenceId: number,
  ) {}

  /** The number to write into a packet that leaves now. */
  number(ssrc: Ssrc, sequence: number, bytes: number, now: Micros): number {
    return this.estimator.sent(ssrc, sequence, bytes, now);
  }

  snapshot(): Readonly<PacedSenderCounters> {
    return { ...this.counters };
  }

  /** Sends now, before everything that waits: audio, and probes. */
  sendNow(packet: Buffer, length: number, headerLength: number): boolean {
    return this.sink.sendRtp(packet, length, headerLength);
  }

  sendRtcp(compound: Buffer): boolean {
    return this.sink.sendRtcp(compound);
  }

  /** Sends within the pacing rate. */
  pace(packet: PacedPacket, now: Micros): void {
    this.enqueue(packet, this.queue, now);
  }

  /** Sends a repair before everything that waits. @returns false if the path has no room for it. */
  repair(packet: PacedPacket, now: Micros): boolean {
    this.refill(now);
    if (this.isCongested(now) && this.repairBudget < packet.size) return false;
    this.repairBudget -= packet.size;
    this.enqueue(packet, this.repairs, now);
    return true;
  }

  /** How long the queue would take to empty. */
  get queueMicros(): Micros {
    return (this.queuedBytes * 8_000_000) / this.rate(this.budgetAt ?? 0);
  }

  /** Whether what waits would arrive too late and should be dropped. */
  get overflows(): boolean {
    return this.queueMicros > MAX_QUEUE;
  }

  /** Drops what waits. */
  clear(): void {
    const waiting = [...this.repairs.splice(0), ...this.queue.splice(0)];
    this.counters.pacer_packets_dropped += waiting.length;
    for (const packet of waiting) packet.dropped();
    this.queuedBytes = 0;
  }

  /** Called every few milliseconds. */
  tick(now: Micros): void {
    this.refill(now);
    while (this.budget > 0) {
      const packet = this.repairs.shift() ?? this.queue.shift();
      if (!packet) return;
      this.queuedBytes -= packet.size;
      this.budget -= packet.size;
      packet.depart(now);
    }
  }

  private enqueue(packet: PacedPacket, queue: PacedPacket[], now: Micros): void {
    this.refill(now);
    if (this.queue.length + this.repairs.length === 0 && this.budget > 0) {
      this.budget -= packet.size;
      packet.depart(now);
      return;
    }
    this.counters.pacer_packets_delayed++;
    this.queuedBytes += packet.size;
    queue.push(packet);
  }

  /** Whether congestion was seen in the last seconds. */
  isCongested(now: Micros): boolean {
    return now - this.estimator.congestedAt < CONGESTED_FOR;
  }

  private rate(now: Micros): number {
    return this.estimator.bitrateBps * (this.isCongested(now) ? CONGESTED_FACTOR : PACING_FACTOR);
  }

  private refill(now: Micros): void {
    const rate = this.rate(now);
    const least = this.isCongested(now) ? CONGESTED_BURST_BYTES : MIN_BURST_BYTES;
    const burst = Math.max(least, (rate * BURST_MS) / 8000);
    const since = now - (this.budgetAt ?? now);
    this.budgetAt = now;
    this.budget = Math.min(burst, this.budget + (rate * since) / 8_000_000);
    const repairs = (CONGESTED_REPAIR_SHARE * this.estimator.bitrateBps * since) / 8_000_000;
    this.repairBudget = Math.min(MAX_REPAIR_BYTES, Math.max(0, this.repairBudget) + repairs);
  }
}

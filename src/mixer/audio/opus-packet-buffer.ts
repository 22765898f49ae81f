/**
 * Opus packets of one source that wait to be decoded, by RTP timestamp (48 kHz, unwrapped).
 * Bounded: the oldest packet goes when there are too many.
 */
import type { AudioCodec } from '../../protocol/codec-names.js';
import type { Micros } from '../../util/units.js';

/** 2 s. A sender that is further ahead is faulty. */
const MAX_SAMPLES = 96_000;
/** 2 s of 20 ms packets; up to this number the time is not looked at. */
const FEW_PACKETS = 100;
/** 2 s of 2.5 ms packets, the shortest. */
const MAX_PACKETS = 800;
/** A hole between packets that is at least this long is a pause, not loss. */
const PAUSE_SAMPLES = 4800;

export interface OpusPacket {
  readonly timestamp: number;
  /** Duration, in samples per channel. */
  readonly samples: number;
  /** Sender's NTP clock; NaN until its first sender report. */
  readonly captureMicros: Micros;
  /** The sender says that the packet is silent (RFC 6464). */
  readonly isSilent: boolean;
  /** Opus if it is left out. */
  readonly codec?: AudioCodec;
  readonly data: Buffer;
}

export class OpusPacketBuffer {
  /** Timestamp at which the newest packet ends; -Infinity before the first. */
  end = Number.NEGATIVE_INFINITY;
  private readonly packets = new Map<number, OpusPacket>();
  /** Timestamps of the packets that came last, decoded or not. */
  private readonly received = new Set<number>();

  get size(): number {
    return this.packets.size;
  }

  /** The start of the oldest packet; Infinity if there is none. */
  get start(): number {
    return Math.min(...this.packets.keys());
  }

  has(timestamp: number): boolean {
    return this.packets.has(timestamp);
  }

  get(timestamp: number): OpusPacket | undefined {
    return this.packets.get(timestamp);
  }

  /** The packet to decode at `timestamp`: it starts there, or covers it (the sender re-framed). */
  at(timestamp: number): OpusPacket | undefined {
    const packet = this.packets.get(timestamp);
    if (packet) return packet;
    for (const one of this.packets.values()) {
      if (one.timestamp < timestamp && one.timestamp + one.samples > timestamp) return one;
    }
    return undefined;
  }

  /** @returns false if the oldest packet had to go for it. */
  add(packet: OpusPacket): boolean {
    this.packets.set(packet.timestamp, packet);
    this.end = Math.max(this.end, packet.timestamp + packet.samples);
    const { size } = this.packets;
    if (size <= FEW_PACKETS) return true;
    const { start } = this;
    if (size <= MAX_PACKETS && this.end - start <= MAX_SAMPLES) return true;
    this.packets.delete(start);
    return false;
  }

  delete(timestamp: number): void {
    this.packets.delete(timestamp);
  }

  /** Whether a packet with this timestamp was noted lately. */
  wasReceived(timestamp: number): boolean {
    return this.received.has(timestamp);
  }

  noteReceived(timestamp: number): void {
    this.received.add(timestamp);
    if (this.received.size > MAX_PACKETS) {
      this.received.delete(this.received.values().next().value as number);
    }
  }

  /** The newest packet that starts at or before `limit`, but not before `first`. */
  newestStart(first: number, limit: number): number {
    let start = first;
    for (const timestamp of this.packets.keys()) {
      if (timestamp <= limit && timestamp > start) start = timestamp;
    }
    return start;
  }

  /** The oldest packet that starts at `timestamp` or later; undefined if there is none. */
  oldestStart(timestamp: number): number | undefined {
    const later = [...this.packets.keys()].filter((at) => at >= timestamp);
    return later.length === 0 ? undefined : Math.min(...later);
  }

  /**
   * Drops what came before the last pause: it is long over. Not to be called while empty.
   * @returns the start of what comes after the pause.
   */
  dropBeforePause(): number {
    const packets = [...this.packets.values()].sort((a, b) => b.timestamp - a.timestamp);
    const [newest] = packets as [OpusPacket];
    this.end = newest.timestamp + newest.samples;
    let first = newest.timestamp;
    for (const { timestamp, samples } of packets) {
      if (first - timestamp - samples > PAUSE_SAMPLES) break;
      first = timestamp;
    }
    this.dropBefore(first);
    return first;
  }

  dropBefore(timestamp: number): void {
    for (const at of this.packets.keys()) if (at < timestamp) this.packets.delete(at);
  }

  /** Drops packets that `isUseless` and those that start before `timestamp`. */
  dropUseless(timestamp: number, isUseless: (packet: OpusPacket) => boolean): void {
    for (const [at, packet] of this.packets) {
      if (at < timestamp || isUseless(packet)) this.packets.delete(at);
    }
  }

  clear(): void {
    this.packets.clear();
    this.received.clear();
    this.end = Number.NEGATIVE_INFINITY;
  }
}

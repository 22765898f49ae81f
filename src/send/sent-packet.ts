import { MAX_RTP_HEADER } from '../rtp/rtp-packet.js';
import type { Micros, RtpTicks } from '../util/units.js';
import type { PacedPacket } from './paced-sender.js';

/** Writes packets when they leave. */
interface PacketWriter {
  write(packet: SentPacket, now: Micros): void;
  writeAgain(packet: SentPacket, now: Micros): void;
}

/** A packet as it is kept. It gets its number when it leaves, so a dropped packet leaves no gap. */
export class SentPacket implements PacedPacket {
  sequence = -1;
  transportSequence = 0;
  sentAt: Micros = 0;
  sentAgainAt: Micros = Number.NEGATIVE_INFINITY;
  /** Number of its repairs that wait to leave. */
  repairsQueued = 0;

  constructor(
    private readonly stream: PacketWriter,
    readonly timestamp: RtpTicks,
    readonly marker: boolean,
    readonly payload: Buffer,
    readonly payloadType: number,
  ) {}

  get size(): number {
    return MAX_RTP_HEADER + this.payload.length;
  }

  depart(now: Micros): void {
    this.sentAt = now;
    this.stream.write(this, now);
  }

  dropped(): void {}
}

/** A kept packet that is sent again. */
export class Repair implements PacedPacket {
  constructor(
    private readonly stream: PacketWriter,
    private readonly packet: SentPacket,
  ) {}

  get size(): number {
    return this.packet.size + 2;
  }

  depart(now: Micros): void {
    this.packet.repairsQueued--;
    this.packet.sentAgainAt = now;
    this.stream.writeAgain(this.packet, now);
  }

  dropped(): void {
    this.packet.repairsQueued--;
  }
}

/**
 * Stage: puts Opus packets on a track without gaps or overlaps. Where packets are missing it
 * gives silence, where there are too many it leaves some out, so that the track's sample count stays
 * with the clock. Times are microseconds of the file; 0 is its beginning. Pure.
 */
import type { Micros } from '../util/units.js';

export const AUDIO_PACKET: Micros = 20_000;

/** 20 ms of nothing, whatever the number of channels (RFC 6716, 3.1: CELT, full band, one frame). */
export const SILENT_PACKET = Buffer.from([0xf8, 0xff, 0xfe]);

export interface GridPacket {
  readonly ptsMicros: Micros;
  readonly durationMicros: Micros;
  readonly data: Buffer;
}

export class AudioGrid {
  readonly counters = { audio_packets_filled: 0, audio_packets_left_out: 0 };

  /**
   * @param next where the next packet goes.
   * @param tolerance how far packets may be from the clock before some are made up or left out.
   */
  constructor(
    private next: Micros = 0,
    private readonly tolerance: Micros = AUDIO_PACKET,
  ) {}

  /** Where the next packet goes, and the track ends so far. */
  get end(): Micros {
    return this.next;
  }

  /** @param wanted when the packet is heard, by the clock. */
  push(wanted: Micros, data: Buffer, durationMicros = AUDIO_PACKET): GridPacket[] {
    if (wanted - this.next <= -this.tolerance) {
      this.counters.audio_packets_left_out++;
      return [];
    }
    const filled = wanted - this.next >= this.tolerance ? this.fillUntil(wanted) : [];
    return [...filled, this.take(data, durationMicros)];
  }

  /** Silence until less than a packet is missing. */
  fillUntil(until: Micros): GridPacket[] {
    const packets: GridPacket[] = [];
    while (until - this.next >= AUDIO_PACKET) {
      packets.push(this.take(SILENT_PACKET, AUDIO_PACKET));
      this.counters.audio_packets_filled++;
    }
    return packets;
  }

  private take(data: Buffer, durationMicros: Micros): GridPacket {
    const ptsMicros = this.next;
    this.next += durationMicros;
    return { ptsMicros, durationMicros, data };
  }
}

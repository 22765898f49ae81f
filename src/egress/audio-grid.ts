/**
 * Stage: puts Opus packets on a track without gaps or overlaps. It fills gaps with silence and leaves
 * out packets that overlap, so that the track stays in step with the clock. Times are microseconds of
 * the file, from its start. Pure.
 */
import type { WriterCounters } from '../link/egress-messages.js';
import type { Micros } from '../util/units.js';

export const AUDIO_PACKET: Micros = 20_000;

/** 20 ms of silence for any number of channels (RFC 6716, 3.1: CELT, full band, one frame). */
export const SILENT_PACKET = Buffer.from([0xf8, 0xff, 0xfe]);

export interface GridPacket {
  readonly ptsMicros: Micros;
  readonly durationMicros: Micros;
  readonly data: Buffer;
}

export type AudioGridCounters = Pick<
  WriterCounters,
  'audio_packets_filled' | 'audio_packets_left_out'
>;

export class AudioGrid {
  private readonly counters = { audio_packets_filled: 0, audio_packets_left_out: 0 };

  /**
   * @param next where the next packet goes.
   * @param tolerance how far packets may be from the clock before silence is added or a packet is
   *   left out.
   */
  constructor(
    private next: Micros = 0,
    private readonly tolerance: Micros = AUDIO_PACKET,
  ) {}

  snapshot(): AudioGridCounters {
    return { ...this.counters };
  }

  /** Where the track ends so far and the next packet goes. */
  get end(): Micros {
    return this.next;
  }

  /** @param wanted when the packet is to be heard, by the clock. */
  push(wanted: Micros, data: Buffer, durationMicros = AUDIO_PACKET): GridPacket[] {
    if (wanted - this.next <= -this.tolerance) {
      this.counters.audio_packets_left_out++;
      return [];
    }
    const filled = wanted - this.next >= this.tolerance ? this.fillUntil(wanted) : [];
    return [...filled, this.take(data, durationMicros)];
  }

  /** Adds silence until less than one packet is missing. */
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

import { buildCname, buildSenderReport } from '../rtp/rtcp.js';
import { ntpFromMicros } from '../util/clock.js';
import type { Micros, RtpTicks, Ssrc } from '../util/units.js';

/** How long a stream is reported after its last packet. */
const ENDED_AFTER: Micros = 5_000_000;

interface SentStream {
  readonly clockRate: number;
  /** RTP timestamp of the newest packet. `at` is when it was sent. */
  readonly timestamp: RtpTicks;
  readonly at: Micros;
  readonly packets: number;
  readonly octets: number;
}

/**
 * A client's sender reports (RFC 3550, 6.4.1), which the server needs for lip-sync. werift's own have
 * NTP fractions that jump.
 */
export class ClientReports {
  private readonly streams = new Map<Ssrc, SentStream>();

  constructor(private readonly cname: string) {}

  /** A packet was sent that was captured just now. */
  sent(ssrc: Ssrc, timestamp: RtpTicks, clockRate: number, octets: number, at: Micros): void {
    const { packets, octets: before } = this.streams.get(ssrc) ?? { packets: 0, octets: 0 };
    const stream = { clockRate, timestamp, at, packets: packets + 1, octets: before + octets };
    this.streams.set(ssrc, stream);
  }

  /** Compound packets, one for each stream. */
  reports(now: Micros): Buffer[] {
    return [...this.streams]
      .filter(([, { at }]) => now - at < ENDED_AFTER)
      .map(([ssrc, { clockRate, timestamp, at, packets, octets }]) => {
        const rtpTimestamp = timestamp + Math.round(((now - at) * clockRate) / 1_000_000);
        const ntp = ntpFromMicros(now);
        const counts = { packetCount: packets, octetCount: octets };
        const report = buildSenderReport({ ssrc, ntp, rtpTimestamp, ...counts });
        return Buffer.concat([report, buildCname(ssrc, this.cname)]);
      });
  }
}

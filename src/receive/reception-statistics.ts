import type { ReportBlock } from '../rtp/rtcp.js';
import { compactNtp, type NtpTime } from '../util/clock.js';
import type { Micros, RtpTicks, Ssrc } from '../util/units.js';

/** Measures what the reception report of one stream says (RFC 3550, 6.4.1 and appendix A.3, A.8). */
export class ReceptionStatistics {
  received = 0;
  private base: number | undefined;
  private highest = 0;
  private jitter = 0;
  private lastTransit: number | undefined;
  private expectedBefore = 0;
  private receivedBefore = 0;
  private lastReport = 0;
  private lastReportAt: Micros = 0;

  constructor(
    private readonly ssrc: Ssrc,
    private readonly clockRate: number,
  ) {}

  /** Takes an original packet, not a retransmission. @param sequence extended by the caller. */
  packet(sequence: number, timestamp: RtpTicks, now: Micros): void {
    this.base ??= sequence;
    this.highest = Math.max(this.highest, sequence);
    this.received++;
    const transit = ((now / 1_000_000) * this.clockRate - timestamp) % 0x1_0000_0000;
    if (this.lastTransit !== undefined) {
      const change = Math.abs(transit - this.lastTransit);
      if (change < this.clockRate * 10) this.jitter += (change - this.jitter) / 16;
    }
    this.lastTransit = transit;
  }

  senderReport(ntp: NtpTime, now: Micros): void {
    this.lastReport = compactNtp(ntp);
    this.lastReportAt = now;
  }

  block(now: Micros): ReportBlock {
    const expected = this.base === undefined ? 0 : this.highest - this.base + 1;
    const lost = expected - this.received;
    const expectedInterval = expected - this.expectedBefore;
    const lostInterval = expectedInterval - (this.received - this.receivedBefore);
    this.expectedBefore = expected;
    this.receivedBefore = this.received;
    return {
      ssrc: this.ssrc,
      fractionLost:
        expectedInterval > 0 && lostInterval > 0
          ? Math.min(255, Math.floor((lostInterval * 256) / expectedInterval))
          : 0,
      cumulativeLost: lost,
      highestSequence: this.highest >>> 0,
      jitter: Math.round(this.jitter),
      lastSenderReport: this.lastReport,
      delaySinceLastSenderReport:
        this.lastReport === 0 ? 0 : Math.round(((now - this.lastReportAt) * 65_536) / 1_000_000),
    };
  }
}

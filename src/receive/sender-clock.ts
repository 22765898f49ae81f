import { timestampDelta } from '../rtp/sequence.js';
import { microsFromNtp, type NtpTime } from '../util/clock.js';
import type { Micros, RtpTicks } from '../util/units.js';

/** Two reports of one clock agree within this. Senders whose reports do not are not synchronised. */
const CONSISTENT: Micros = 20_000;
/** After a jump this many reports in a row must agree before the clock is trusted again. */
const TRUSTED_AFTER = 2;

/**
 * Maps RTP timestamps to the sender's NTP clock by its last sender report (RFC 3550, 6.4.1). The first
 * report is trusted. A report that contradicts the one before ends that until reports agree again:
 * werift, for one, writes NTP fractions that jump by hundreds of milliseconds.
 */
export class SenderClock {
  private ntpMicros = Number.NaN;
  private rtp = 0;
  private agreeing = TRUSTED_AFTER;

  constructor(private readonly clockRate: number) {}

  report(ntp: NtpTime, rtpTimestamp: RtpTicks): void {
    const reported = microsFromNtp(ntp);
    const expected = this.map(rtpTimestamp);
    if (Math.abs(reported - expected) > CONSISTENT) this.agreeing = 0;
    else if (!Number.isNaN(expected)) this.agreeing++;
    this.ntpMicros = reported;
    this.rtp = rtpTimestamp;
  }

  /** Capture time on the sender's clock in microseconds since the NTP epoch; NaN while unknown. */
  captureMicros(timestamp: RtpTicks): Micros {
    return this.agreeing >= TRUSTED_AFTER ? this.map(timestamp) : Number.NaN;
  }

  private map(timestamp: RtpTicks): Micros {
    return this.ntpMicros + (timestampDelta(this.rtp, timestamp) / this.clockRate) * 1_000_000;
  }
}

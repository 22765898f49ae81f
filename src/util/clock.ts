import type { Micros } from './units.js';

/**
 * Microseconds on the system's monotonic clock. On Linux all processes of a machine share its zero,
 * so times may cross the link between the server and a media process.
 */
export function nowMicros(): Micros {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanos / 1000);
}

/** Microseconds from the monotonic clock to the wall clock (Unix epoch), read once at start. */
const wallOffsetMicros = Math.round(Date.now() * 1000 - nowMicros());

const NTP_EPOCH_OFFSET_SECONDS = 2_208_988_800;

/** A 64-bit NTP timestamp as two unsigned 32-bit halves (RFC 5905, section 6). */
export interface NtpTime {
  readonly seconds: number;
  readonly fraction: number;
}

/** The NTP time of a moment on the monotonic clock. */
export function ntpFromMicros(at: Micros): NtpTime {
  const unix = at + wallOffsetMicros;
  const seconds = Math.floor(unix / 1_000_000);
  const fraction = Math.floor(((unix - seconds * 1_000_000) / 1_000_000) * 0x1_0000_0000);
  return { seconds: (seconds + NTP_EPOCH_OFFSET_SECONDS) >>> 0, fraction: fraction >>> 0 };
}

/** NTP time as microseconds since the NTP epoch, on the sender's clock. */
export function microsFromNtp(ntp: NtpTime): Micros {
  return ntp.seconds * 1_000_000 + Math.floor((ntp.fraction / 0x1_0000_0000) * 1_000_000);
}

/** The middle 32 bits of an NTP time, as LSR and DLSR use them (RFC 3550, 6.4.1): units of 1/65536 s. */
export function compactNtp(ntp: NtpTime): number {
  return (((ntp.seconds & 0xffff) << 16) | (ntp.fraction >>> 16)) >>> 0;
}

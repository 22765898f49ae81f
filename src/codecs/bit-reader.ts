/** Reads the bits of headers in video bitstreams. Past the end it reads zeros and says so. */
export class BitReader {
  /** Something was read that is not there: what was parsed is worth nothing. */
  overrun = false;
  private at = 0;

  constructor(private readonly data: Buffer) {}

  bit(): number {
    const byte = this.data[this.at >> 3];
    if (byte === undefined) {
      this.overrun = true;
      return 0;
    }
    const bit = (byte >> (7 - (this.at & 7))) & 1;
    this.at++;
    return bit;
  }

  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 2 + this.bit();
    return value;
  }

  skip(count: number): void {
    this.at += count;
    if (this.at > this.data.length * 8) this.overrun = true;
  }

  /** Unsigned Exp-Golomb (ITU-T H.264, 9.1). */
  ue(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      if (++zeros > 31 || this.overrun) {
        this.overrun = true;
        return 0;
      }
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** Signed Exp-Golomb. */
  se(): number {
    const value = this.ue();
    return value & 1 ? (value + 1) / 2 : -(value / 2);
  }
}

/**
 * The first bytes of a NAL unit without its header and without emulation prevention (ITU-T H.264,
 * 7.4.1.1; H.265, 7.4.2).
 * @param headerBytes 1 for H.264, 2 for H.265.
 */
export function readUnit(unit: Buffer, headerBytes: number, maxBytes = 512): BitReader {
  return new BitReader(stripEmulationPrevention(unit.subarray(headerBytes, maxBytes)));
}

function stripEmulationPrevention(unit: Buffer): Buffer {
  const out = Buffer.allocUnsafe(unit.length);
  let length = 0;
  let zeros = 0;
  for (const byte of unit) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}

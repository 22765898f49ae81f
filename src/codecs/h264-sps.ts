import type { FrameSize } from '../util/frame-size.js';

/** Reads bits of a raw byte sequence payload; past the end it reads zeros and says so. */
class BitReader {
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

  se(): number {
    const value = this.ue();
    return value & 1 ? (value + 1) / 2 : -(value / 2);
  }
}

/** Removes emulation prevention bytes (ITU-T H.264, 7.4.1.1). */
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

function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size && !reader.overrun; i++) {
    if (next !== 0) next = (last + reader.se() + 256) % 256;
    last = next === 0 ? last : next;
  }
}

const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** Picture size in a sequence parameter set (ITU-T H.264, 7.3.2.1.1), or undefined if malformed. */
export function h264SpsSize(unit: Buffer): FrameSize | undefined {
  const reader = new BitReader(stripEmulationPrevention(unit.subarray(1, 512)));
  const profile = reader.bits(8);
  reader.bits(16);
  reader.ue();
  let chromaFormat = 1;
  if (HIGH_PROFILES.has(profile)) {
    chromaFormat = reader.ue();
    if (chromaFormat === 3) reader.bit();
    reader.ue();
    reader.ue();
    reader.bit();
    if (reader.bit()) {
      for (let i = 0; i < (chromaFormat === 3 ? 12 : 8); i++) {
        if (reader.bit()) skipScalingList(reader, i < 6 ? 16 : 64);
      }
    }
  }
  reader.ue();
  const orderType = reader.ue();
  if (orderType === 0) reader.ue();
  else if (orderType === 1) {
    reader.bit();
    reader.se();
    reader.se();
    const cycle = reader.ue();
    if (cycle > 255) return undefined;
    for (let i = 0; i < cycle; i++) reader.se();
  }
  reader.ue();
  reader.bit();
  const widthInMbs = reader.ue() + 1;
  const heightInMapUnits = reader.ue() + 1;
  const frameMbsOnly = reader.bit();
  if (!frameMbsOnly) reader.bit();
  reader.bit();
  let crop = [0, 0, 0, 0];
  if (reader.bit()) crop = [reader.ue(), reader.ue(), reader.ue(), reader.ue()];
  if (reader.overrun) return undefined;
  const [left, right, top, bottom] = crop as [number, number, number, number];
  const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const unitY = (chromaFormat === 1 ? 2 : 1) * (2 - frameMbsOnly);
  const width = widthInMbs * 16 - unitX * (left + right);
  const height = heightInMapUnits * (2 - frameMbsOnly) * 16 - unitY * (top + bottom);
  return width > 0 && height > 0 ? { width, height } : undefined;
}

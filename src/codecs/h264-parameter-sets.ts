/**
 * Remembers the parameter sets of one H.264 stream, from its SDP and from its packets, and gives each
 * keyframe those that are not in it: then decoding can begin at any of them.
 */
import { NAL_PPS, NAL_SPS, unitType } from './annex-b.js';
import { type H264Sps, h264SlicePpsId, parseH264Pps, parseH264Sps } from './h264-sps.js';

/** Picture parameter sets that are kept; encoders use a few. The oldest goes first. */
const MAX_PPS = 32;
const MAX_UNIT_BYTES = 4096;

interface KnownPps {
  readonly unit: Buffer;
  readonly spsId: number;
}

export class H264ParameterSets {
  private readonly sps = new Map<number, { readonly unit: Buffer; readonly parsed: H264Sps }>();
  private readonly pps = new Map<number, KnownPps>();

  /** @param spropParameterSets from the SDP: units in base64, with commas between (RFC 6184, 8.1). */
  constructor(spropParameterSets: string | undefined) {
    for (const text of (spropParameterSets ?? '').split(',')) {
      const unit = Buffer.from(text, 'base64');
      if (unit.length > 1) this.remember(unit);
    }
  }

  /** Takes a unit; keeps it if it is a parameter set. */
  remember(unit: Buffer): void {
    const type = unitType(unit);
    if ((type !== NAL_SPS && type !== NAL_PPS) || unit.length > MAX_UNIT_BYTES) return;
    if (type === NAL_SPS) {
      const parsed = parseH264Sps(unit);
      if (parsed && !this.sps.get(parsed.id)?.unit.equals(unit)) {
        this.sps.set(parsed.id, { unit: Buffer.from(unit), parsed });
      }
      return;
    }
    const ids = parseH264Pps(unit);
    if (!ids || this.pps.get(ids.id)?.unit.equals(unit)) return;
    this.pps.set(ids.id, { unit: Buffer.from(unit), spsId: ids.spsId });
    if (this.pps.size > MAX_PPS) this.pps.delete(this.pps.keys().next().value as number);
  }

  /** Whether there are sets to begin with. */
  get isComplete(): boolean {
    return this.sps.size > 0 && this.pps.size > 0;
  }

  /**
   * Adds to the units of a keyframe the sets that its slices need and that are not among them.
   * @returns its sequence parameter set; undefined if it is not known.
   */
  complete(units: Buffer[], firstSlice: Buffer): H264Sps | undefined {
    const ppsId = h264SlicePpsId(firstSlice);
    const spsId = ppsId === undefined ? undefined : this.pps.get(ppsId)?.spsId;
    const sps = spsId === undefined ? undefined : this.sps.get(spsId);
    if (!sps) return undefined;
    const present = new Set(units.filter((unit) => unitType(unit) === NAL_PPS).map(ppsIdOf));
    const missing = [...this.pps]
      .filter(([id, { spsId: of }]) => of === sps.parsed.id && !present.has(id))
      .map(([, { unit }]) => unit);
    units.splice(units.indexOf(firstSlice), 0, ...missing);
    const hasSps = units.some(
      (unit) => unitType(unit) === NAL_SPS && parseH264Sps(unit)?.id === sps.parsed.id,
    );
    if (!hasSps) units.unshift(sps.unit);
    return sps.parsed;
  }
}

function ppsIdOf(unit: Buffer): number | undefined {
  return parseH264Pps(unit)?.id;
}

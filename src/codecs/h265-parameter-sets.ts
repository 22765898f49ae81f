/**
 * Remembers the parameter sets of one H.265 stream, from its SDP and from its packets, and gives each
 * keyframe those that are not in it: then decoding can begin at any of them.
 */
import { type H265Sps, h265SlicePpsId, parseH265Pps, parseH265Sps } from './h265-sps.js';

export const [NAL_VPS, NAL_SPS, NAL_PPS] = [32, 33, 34] as const;
const MAX_UNIT_BYTES = 4096;

/** The type of an H.265 NAL unit (7.4.2.2). */
export function h265UnitType(unit: Buffer): number {
  return ((unit[0] ?? 0) >> 1) & 0x3f;
}

export class H265ParameterSets {
  /** Video parameter sets by id, which is in the first bits behind the header. */
  private readonly vps = new Map<number, Buffer>();
  private readonly sps = new Map<number, { readonly unit: Buffer; readonly parsed: H265Sps }>();
  private readonly pps = new Map<number, { readonly unit: Buffer; readonly spsId: number }>();

  /** @param sprops lists of units in base64 from the SDP (RFC 7798, 7.1). */
  constructor(sprops: readonly (string | undefined)[]) {
    for (const text of sprops.flatMap((list) => (list ?? '').split(','))) {
      const unit = Buffer.from(text, 'base64');
      if (unit.length > 2) this.remember(unit);
    }
  }

  /** Takes a unit; keeps it if it is a parameter set. */
  remember(unit: Buffer): void {
    const type = h265UnitType(unit);
    if (type < NAL_VPS || type > NAL_PPS || unit.length > MAX_UNIT_BYTES || unit.length < 3) return;
    if (type === NAL_VPS) this.vps.set((unit[2] as number) >> 4, Buffer.from(unit));
    else if (type === NAL_SPS) {
      const parsed = parseH265Sps(unit);
      if (parsed) this.sps.set(parsed.id, { unit: Buffer.from(unit), parsed });
    } else {
      const ids = parseH265Pps(unit);
      if (ids) this.pps.set(ids.id, { unit: Buffer.from(unit), spsId: ids.spsId });
    }
  }

  /** Whether there are sets to begin with. */
  get isComplete(): boolean {
    return this.sps.size > 0 && this.pps.size > 0;
  }

  /**
   * Puts the sets that a keyframe needs in front of its units, in place of those that are among them.
   * @returns its units and its sequence parameter set; undefined if that is not known.
   */
  complete(
    units: readonly Buffer[],
    firstSlice: Buffer,
  ): { units: Buffer[]; sps: H265Sps } | undefined {
    const ppsId = h265SlicePpsId(firstSlice);
    const spsId = ppsId === undefined ? undefined : this.pps.get(ppsId)?.spsId;
    const sps = spsId === undefined ? undefined : this.sps.get(spsId);
    if (!sps) return undefined;
    const vps = this.vps.get(sps.parsed.vpsId);
    const pps = [...this.pps.values()].filter((one) => one.spsId === spsId);
    const rest = units.filter((unit) => !isParameterSet(h265UnitType(unit)));
    return {
      units: [...(vps ? [vps] : []), sps.unit, ...pps.map(({ unit }) => unit), ...rest],
      sps: sps.parsed,
    };
  }
}

function isParameterSet(type: number): boolean {
  return type >= NAL_VPS && type <= NAL_PPS;
}

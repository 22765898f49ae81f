/** H.265 out of RTP (RFC 7798) to Annex B. Never throws on any input. */
import type { FrameSize } from '../util/frame-size.js';
import { joinAnnexB } from './annex-b.js';
import { type DepacketizedFrame, type Depacketizer, NO_PICTURE } from './depacketizer.js';
import {
  H265ParameterSets,
  h265UnitType,
  NAL_PPS,
  NAL_SPS,
  NAL_VPS,
} from './h265-parameter-sets.js';
import { parseH265Sps } from './h265-sps.js';
import {
  collectUnits,
  isFirstSlice,
  type NalPayloadFormat,
  splitAggregate,
  startsUnit,
} from './nal-payloads.js';

/** Intra random access points: 16 to 21 are defined, 22 and 23 reserved. */
const [FIRST_IRAP, LAST_IRAP] = [16, 23] as const;
const LAST_PICTURE = 31;
const [PREFIX_SEI, SUFFIX_SEI] = [39, 40] as const;
/** Aggregation packet, fragmentation unit. */
const [AP, FU] = [48, 49] as const;
const HEADER_BYTES = 2;

const isPicture = (type: number) => type <= LAST_PICTURE;
const isIrap = (type: number) => type >= FIRST_IRAP && type <= LAST_IRAP;
/** What a decoder needs. Delimiters, ends of sequences and filler are left out. */
const isDecoded = (type: number) => type <= NAL_PPS || type === PREFIX_SEI || type === SUFFIX_SEI;

const FORMAT: NalPayloadFormat = {
  headerBytes: HEADER_BYTES,
  typeOf: h265UnitType,
  aggregation: AP,
  fragment: FU,
  firstType: 0,
  unitHeader: (payload, header) =>
    Buffer.from([((payload[0] as number) & 0x81) | ((header & 0x3f) << 1), payload[1] as number]),
};

const splitAp = (payload: Buffer) => splitAggregate(payload, FORMAT);

/** @param sprops parameter sets from the SDP (RFC 7798, 7.1). */
export class H265Depacketizer implements Depacketizer {
  private readonly sets: H265ParameterSets;

  constructor(sprops: readonly (string | undefined)[] = []) {
    this.sets = new H265ParameterSets(sprops);
  }

  arrived(payload: Buffer): void {
    if (h265UnitType(payload) !== AP) this.sets.remember(payload);
    else for (const unit of splitAp(payload) ?? []) this.sets.remember(unit);
  }

  startsKeyframe(payload: Buffer): boolean {
    const type = h265UnitType(payload);
    if (type === AP) {
      const units = splitAp(payload) ?? [];
      return units.some((unit) => this.canStart(h265UnitType(unit), isFirstSlice(unit[2])));
    }
    if (type !== FU) return this.canStart(type, isFirstSlice(payload[2]));
    const header = payload[HEADER_BYTES] ?? 0;
    return startsUnit(header) && this.canStart(header & 0x3f, isFirstSlice(payload[3]));
  }

  sizeIn(payload: Buffer): FrameSize | undefined {
    const units = h265UnitType(payload) === AP ? splitAp(payload) : [payload];
    const sps = units?.find((unit) => h265UnitType(unit) === NAL_SPS);
    return sps && parseH265Sps(sps)?.size;
  }

  hasPicture(payload: Buffer): boolean {
    const type = h265UnitType(payload);
    if (type === FU) return isPicture((payload[HEADER_BYTES] ?? 0) & 0x3f);
    if (type !== AP) return isPicture(type);
    return splitAp(payload)?.some((unit) => isPicture(h265UnitType(unit))) ?? false;
  }

  assemble(payloads: readonly Buffer[]): DepacketizedFrame | typeof NO_PICTURE | undefined {
    const units = collectUnits(payloads, FORMAT)?.filter((unit) => isDecoded(h265UnitType(unit)));
    if (!units) return undefined;
    const firstSlice = units.find((unit) => isPicture(h265UnitType(unit)));
    let size: FrameSize | undefined;
    for (const unit of units) {
      this.sets.remember(unit);
      if (h265UnitType(unit) !== NAL_SPS) continue;
      size = parseH265Sps(unit)?.size;
      if (!size) return undefined;
    }
    if (!firstSlice) return NO_PICTURE;
    const whole = isIrap(h265UnitType(firstSlice))
      ? this.sets.complete(units, firstSlice)
      : undefined;
    if (!whole) return { data: joinAnnexB(units), keyframe: false, size };
    return { data: joinAnnexB(whole.units), keyframe: true, size: whole.sps.size };
  }

  /** With the sets that are known, decoding can begin at the first slice of an IRAP picture too. */
  private canStart(type: number, isFirst: boolean): boolean {
    if (type === NAL_VPS || type === NAL_SPS) return true;
    return isIrap(type) && isFirst && this.sets.isComplete;
  }
}

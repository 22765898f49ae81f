/** H.264 out of RTP (RFC 6184, packetization modes 0 and 1) to Annex B. Never throws on any input. */
import type { FrameSize } from '../util/frame-size.js';
import { joinAnnexB, NAL_PPS, NAL_SPS, unitType } from './annex-b.js';
import { type DepacketizedFrame, type Depacketizer, NO_PICTURE } from './depacketizer.js';
import { H264ParameterSets } from './h264-parameter-sets.js';
import { h264SpsSize } from './h264-sps.js';
import {
  collectUnits,
  isFirstSlice,
  type NalPayloadFormat,
  splitAggregate,
  startsUnit,
} from './nal-payloads.js';

const NAL_SLICE = 1;
const NAL_IDR = 5;
const NAL_SEI = 6;
const STAP_A = 24;
const FU_A = 28;

/** Slices and data partitions. */
const isPicture = (type: number) => type >= NAL_SLICE && type <= NAL_IDR;
/** What a decoder needs. Delimiters, ends of sequences, filler and extensions are left out. */
const isDecoded = (type: number) => isPicture(type) || (type >= NAL_SEI && type <= NAL_PPS);

/**
 * STAP-B, MTAP and FU-B belong to packetization mode 2, which is not negotiated: they count as malformed.
 */
const FORMAT: NalPayloadFormat = {
  headerBytes: 1,
  typeOf: unitType,
  aggregation: STAP_A,
  fragment: FU_A,
  firstType: NAL_SLICE,
  unitHeader: (payload, header) => Buffer.from([((payload[0] as number) & 0xe0) | (header & 0x1f)]),
};

const splitStapA = (payload: Buffer) => splitAggregate(payload, FORMAT);

/** @param spropParameterSets parameter sets from the SDP (RFC 6184, 8.1). */
export class H264Depacketizer implements Depacketizer {
  private readonly sets: H264ParameterSets;

  constructor(spropParameterSets?: string) {
    this.sets = new H264ParameterSets(spropParameterSets);
  }

  arrived(payload: Buffer): void {
    const type = unitType(payload);
    if (type === STAP_A) for (const unit of splitStapA(payload) ?? []) this.sets.remember(unit);
    else this.sets.remember(payload);
  }

  startsKeyframe(payload: Buffer): boolean {
    const type = unitType(payload);
    if (type === STAP_A) {
      return (
        splitStapA(payload)?.some((unit) => this.canStart(unitType(unit), isFirstSlice(unit[1]))) ??
        false
      );
    }
    if (type !== FU_A) return this.canStart(type, isFirstSlice(payload[1]));
    const header = payload[1] ?? 0;
    return startsUnit(header) && this.canStart(header & 0x1f, isFirstSlice(payload[2]));
  }

  sizeIn(payload: Buffer): FrameSize | undefined {
    const units = unitType(payload) === STAP_A ? splitStapA(payload) : [payload];
    const sps = units?.find((unit) => unitType(unit) === NAL_SPS);
    return sps && h264SpsSize(sps);
  }

  hasPicture(payload: Buffer): boolean {
    const type = unitType(payload);
    if (type === FU_A) return isPicture((payload[1] ?? 0) & 0x1f);
    if (type !== STAP_A) return isPicture(type);
    return splitStapA(payload)?.some((unit) => isPicture(unitType(unit))) ?? false;
  }

  assemble(payloads: readonly Buffer[]): DepacketizedFrame | typeof NO_PICTURE | undefined {
    const all = collectUnits(payloads, FORMAT);
    if (!all) return undefined;
    const units: Buffer[] = [];
    let firstSlice: Buffer | undefined;
    let isIdr = false;
    let size: FrameSize | undefined;
    for (const unit of all) {
      const type = unitType(unit);
      if (!isDecoded(type)) continue;
      units.push(unit);
      if (isPicture(type)) {
        firstSlice ??= unit;
        isIdr ||= type === NAL_IDR;
      } else this.sets.remember(unit);
      if (type !== NAL_SPS) continue;
      size = h264SpsSize(unit);
      if (!size) return undefined;
    }
    if (!firstSlice) return NO_PICTURE;
    if (!isIdr) return { data: joinAnnexB(units), keyframe: false, size };
    const sps = this.sets.complete(units, firstSlice);
    return { data: joinAnnexB(units), keyframe: sps !== undefined, size: sps?.size ?? size };
  }

  /** With the sets that are known, decoding can begin at the first slice of an IDR picture too. */
  private canStart(type: number, isFirst: boolean): boolean {
    return type === NAL_SPS || (type === NAL_IDR && isFirst && this.sets.isComplete);
  }
}

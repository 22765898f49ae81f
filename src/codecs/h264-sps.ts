/** What is read of H.264's parameter sets (ITU-T H.264, 7.3.2). */
import type { FrameSize } from '../util/frame-size.js';
import { type BitReader, readUnit } from './bit-reader.js';

const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const BASELINE = 66;
/** `aspect_ratio_idc` that is followed by a ratio. */
const EXTENDED_SAR = 255;

/** A sequence parameter set. */
export interface H264Sps {
  readonly id: number;
  readonly size: FrameSize;
  /** Pictures may be shown in another order than that of decoding. */
  readonly mayReorder: boolean;
}

function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size && !reader.overrun; i++) {
    if (next !== 0) next = (last + reader.se() + 256) % 256;
    last = next === 0 ? last : next;
  }
}

function skipHrd(reader: BitReader): void {
  const count = reader.ue() + 1;
  reader.skip(8);
  for (let i = 0; i < count && !reader.overrun; i++) {
    reader.ue();
    reader.ue();
    reader.bit();
  }
  reader.skip(20);
}

/** @returns `max_num_reorder_frames` of the VUI; undefined if it does not say (annex E.1.1). */
function readReorderFrames(reader: BitReader): number | undefined {
  if (reader.bit() && reader.bits(8) === EXTENDED_SAR) reader.skip(32);
  if (reader.bit()) reader.bit();
  if (reader.bit()) {
    reader.skip(4);
    if (reader.bit()) reader.skip(24);
  }
  if (reader.bit()) {
    reader.ue();
    reader.ue();
  }
  if (reader.bit()) reader.skip(65);
  const nal = reader.bit();
  if (nal) skipHrd(reader);
  const vcl = reader.bit();
  if (vcl) skipHrd(reader);
  if (nal || vcl) reader.bit();
  reader.bit();
  if (!reader.bit()) return undefined;
  reader.bit();
  for (let i = 0; i < 4; i++) reader.ue();
  const frames = reader.ue();
  return reader.overrun ? undefined : frames;
}

/** A sequence parameter set (7.3.2.1.1); undefined if it is malformed. */
export function parseH264Sps(unit: Buffer): H264Sps | undefined {
  const reader = readUnit(unit, 1);
  const profile = reader.bits(8);
  reader.skip(16);
  const id = reader.ue();
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
  const hasVui = reader.bit();
  if (reader.overrun || id > 31) return undefined;
  const [left, right, top, bottom] = crop as [number, number, number, number];
  const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const unitY = (chromaFormat === 1 ? 2 : 1) * (2 - frameMbsOnly);
  const width = widthInMbs * 16 - unitX * (left + right);
  const height = heightInMapUnits * (2 - frameMbsOnly) * 16 - unitY * (top + bottom);
  if (width <= 0 || height <= 0) return undefined;
  const reorderFrames = hasVui ? readReorderFrames(reader) : undefined;
  const mayReorder = profile !== BASELINE && orderType !== 2 && reorderFrames !== 0;
  return { id, size: { width, height }, mayReorder };
}

/** Picture size in a sequence parameter set; undefined if it is malformed. */
export function h264SpsSize(unit: Buffer): FrameSize | undefined {
  return parseH264Sps(unit)?.size;
}

/** The ids in a picture parameter set (7.3.2.2): its own, and that of its sequence parameter set. */
export function parseH264Pps(unit: Buffer): { id: number; spsId: number } | undefined {
  const reader = readUnit(unit, 1, 16);
  const [id, spsId] = [reader.ue(), reader.ue()];
  return reader.overrun || id > 255 || spsId > 31 ? undefined : { id, spsId };
}

/** The id of the picture parameter set that a slice uses (7.3.3); undefined if it is malformed. */
export function h264SlicePpsId(unit: Buffer): number | undefined {
  const reader = readUnit(unit, 1, 32);
  reader.ue();
  reader.ue();
  const id = reader.ue();
  return reader.overrun || id > 255 ? undefined : id;
}

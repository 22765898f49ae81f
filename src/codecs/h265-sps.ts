/** What is read of H.265's parameter sets and slices (ITU-T H.265, 7.3). */
import type { FrameSize } from '../util/frame-size.js';
import { type BitReader, readUnit } from './bit-reader.js';

const HEADER_BYTES = 2;
/** `profile_tier_level` without sub-layers, behind its general profile: 88 bits and the level. */
const GENERAL_BITS = 96;
const SUB_LAYER_PROFILE_BITS = 88;
const SUB_LAYER_LEVEL_BITS = 8;

/** A sequence parameter set. */
export interface H265Sps {
  readonly id: number;
  readonly vpsId: number;
  readonly size: FrameSize;
}

function skipProfileTierLevel(reader: BitReader, subLayers: number): void {
  reader.skip(GENERAL_BITS);
  if (subLayers === 0) return;
  let bits = 0;
  for (let i = 0; i < 8; i++) {
    const [hasProfile, hasLevel] = [reader.bit(), reader.bit()];
    if (i >= subLayers) continue;
    bits += (hasProfile ? SUB_LAYER_PROFILE_BITS : 0) + (hasLevel ? SUB_LAYER_LEVEL_BITS : 0);
  }
  reader.skip(bits);
}

/** A sequence parameter set (7.3.2.2); undefined if it is malformed. */
export function parseH265Sps(unit: Buffer): H265Sps | undefined {
  const reader = readUnit(unit, HEADER_BYTES);
  const vpsId = reader.bits(4);
  const subLayers = reader.bits(3);
  reader.bit();
  skipProfileTierLevel(reader, subLayers);
  const id = reader.ue();
  const chromaFormat = reader.ue();
  if (chromaFormat === 3) reader.bit();
  let [width, height] = [reader.ue(), reader.ue()];
  if (reader.bit()) {
    const [left, right, top, bottom] = [reader.ue(), reader.ue(), reader.ue(), reader.ue()];
    width -= (chromaFormat === 1 || chromaFormat === 2 ? 2 : 1) * (left + right);
    height -= (chromaFormat === 1 ? 2 : 1) * (top + bottom);
  }
  if (reader.overrun || id > 15 || subLayers > 6 || width <= 0 || height <= 0) return undefined;
  return { id, vpsId, size: { width, height } };
}

/** The ids in a picture parameter set (7.3.2.3): its own, and that of its sequence parameter set. */
export function parseH265Pps(unit: Buffer): { id: number; spsId: number } | undefined {
  const reader = readUnit(unit, HEADER_BYTES, 16);
  const [id, spsId] = [reader.ue(), reader.ue()];
  return reader.overrun || id > 63 || spsId > 15 ? undefined : { id, spsId };
}

/** The id of the picture parameter set that a slice of an IRAP picture uses (7.3.6.1). */
export function h265SlicePpsId(unit: Buffer): number | undefined {
  const reader = readUnit(unit, HEADER_BYTES, 16);
  reader.skip(2);
  const id = reader.ue();
  return reader.overrun || id > 63 ? undefined : id;
}

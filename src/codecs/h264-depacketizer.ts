/** H.264 out of RTP (RFC 6184, packetization modes 0 and 1) to Annex B. Never throws on any input. */
import type { FrameSize } from '../util/frame-size.js';
import { joinAnnexB, NAL_SPS, unitType } from './annex-b.js';
import type { Depacketizer } from './depacketizer.js';
import { h264SpsSize } from './h264-sps.js';

const NAL_IDR = 5;
const STAP_A = 24;
const FU_A = 28;

/** The NAL units of a STAP-A, or undefined if it is malformed. */
function splitStapA(payload: Buffer): Buffer[] | undefined {
  const units: Buffer[] = [];
  for (let at = 1; at < payload.length; ) {
    if (at + 2 > payload.length) return undefined;
    const length = payload.readUInt16BE(at);
    at += 2;
    if (length === 0 || at + length > payload.length) return undefined;
    units.push(payload.subarray(at, at + length));
    at += length;
  }
  return units.length > 0 ? units : undefined;
}

/** All NAL units of one access unit, fragments joined. */
function collectUnits(payloads: readonly Buffer[]): Buffer[] | undefined {
  const units: Buffer[] = [];
  let fragments: Buffer[] | undefined;
  for (const payload of payloads) {
    if (payload.length < 2) return undefined;
    const type = unitType(payload);
    if (type === FU_A) {
      const indicator = payload[0] as number;
      const fuHeader = payload[1] as number;
      if (fuHeader & 0x80) fragments = [Buffer.from([(indicator & 0xe0) | (fuHeader & 0x1f)])];
      if (!fragments) return undefined;
      fragments.push(payload.subarray(2));
      if (fuHeader & 0x40) {
        units.push(Buffer.concat(fragments));
        fragments = undefined;
      }
      continue;
    }
    if (fragments) return undefined;
    if (type === STAP_A) {
      const inner = splitStapA(payload);
      if (!inner) return undefined;
      units.push(...inner);
    } else if (type >= 1 && type <= 23) units.push(payload);
    else return undefined;
  }
  return fragments || units.length === 0 ? undefined : units;
}

export const h264Depacketizer: Depacketizer = {
  startsKeyframe(payload) {
    if (payload.length < 2) return false;
    const type = unitType(payload);
    if (type === NAL_SPS) return true;
    if (type === STAP_A)
      return splitStapA(payload)?.some((unit) => unitType(unit) === NAL_SPS) ?? false;
    return false;
  },

  assemble(payloads) {
    const units = collectUnits(payloads);
    if (!units) return undefined;
    let keyframe = false;
    let size: FrameSize | undefined;
    for (const unit of units) {
      const type = unitType(unit);
      if (type === NAL_IDR) keyframe = true;
      if (type === NAL_SPS) {
        size = h264SpsSize(unit);
        if (!size) return undefined;
      }
    }
    // Without parameter sets it needs those of an earlier keyframe, so decoding cannot begin here.
    return { data: joinAnnexB(units), keyframe: keyframe && size !== undefined, size };
  },
};

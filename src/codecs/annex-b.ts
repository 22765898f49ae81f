/** NAL units behind start codes (ITU-T H.264, Annex B). */

export const NAL_SPS = 7;
export const NAL_PPS = 8;
const START_CODE = Buffer.from([0, 0, 0, 1]);

/** The type of an H.264 NAL unit; 0 of an empty one (ITU-T H.264, 7.4.1). */
export function unitType(unit: Buffer): number {
  return (unit[0] ?? 0) & 0x1f;
}

/** NAL units as an Annex B access unit. */
export function joinAnnexB(units: readonly Buffer[]): Buffer {
  return Buffer.concat(units.flatMap((unit) => [START_CODE, unit]));
}

/** The NAL units of an Annex B access unit, as views. */
export function splitAnnexB(frame: Buffer): Buffer[] {
  const units: Buffer[] = [];
  let start = -1;
  for (let at = 0; at + 2 < frame.length; ) {
    const found = frame.indexOf('\x00\x00\x01', at, 'latin1');
    if (found < 0) break;
    if (start >= 0) units.push(trimZeros(frame.subarray(start, found)));
    start = found + 3;
    at = start;
  }
  if (start >= 0) units.push(frame.subarray(start));
  return units.filter((unit) => unit.length > 0);
}

/** The first zero of a four-byte start code belongs to no unit. */
function trimZeros(unit: Buffer): Buffer {
  let end = unit.length;
  while (end > 0 && unit[end - 1] === 0) end--;
  return unit.subarray(0, end);
}

/** The parameter sets of a keyframe's access unit, behind start codes; undefined without them. */
export function parameterSets(frame: Buffer): Buffer | undefined {
  const units = splitAnnexB(frame).filter((unit) => [NAL_SPS, NAL_PPS].includes(unitType(unit)));
  return units.length < 2 ? undefined : joinAnnexB(units);
}

/** NAL units as MP4 has them, each after its length in four bytes (ISO/IEC 14496-15), as Annex B. */
export function annexBFromMp4(sample: Buffer): Buffer {
  const units: Buffer[] = [];
  for (let at = 0; at + 4 <= sample.length; ) {
    const length = sample.readUInt32BE(at);
    units.push(sample.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return joinAnnexB(units);
}

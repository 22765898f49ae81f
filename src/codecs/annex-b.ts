/** NAL units behind start codes (ITU-T H.264, Annex B). */

const SPS = 7;
const PPS = 8;

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

/** A four-byte start code's first zero belongs to no unit. */
function trimZeros(unit: Buffer): Buffer {
  let end = unit.length;
  while (end > 0 && unit[end - 1] === 0) end--;
  return unit.subarray(0, end);
}

/** The parameter sets of a keyframe's access unit, behind start codes; undefined without them. */
export function parameterSets(frame: Buffer): Buffer | undefined {
  const units = splitAnnexB(frame).filter(
    ([head = 0]) => (head & 0x1f) === SPS || (head & 0x1f) === PPS,
  );
  if (units.length < 2) return undefined;
  return Buffer.concat(units.flatMap((unit) => [Buffer.from([0, 0, 0, 1]), unit]));
}

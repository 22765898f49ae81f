/** Degrees by which a picture must be turned clockwise to be upright (3GPP TS 26.114, 7.4.5). */
export type Rotation = 0 | 90 | 180 | 270;

const ROTATIONS: readonly Rotation[] = [0, 90, 180, 270];

/** Reads the header extension. @param bits its byte, of which the two lowest bits count. */
export function rotationOf(bits: number): Rotation {
  return ROTATIONS[bits & 3] as Rotation;
}

/** The size of a picture once it is upright. */
export function uprightSize<T extends { readonly width: number; readonly height: number }>(
  { width, height }: T,
  rotation: Rotation,
): { readonly width: number; readonly height: number } {
  return rotation % 180 === 0 ? { width, height } : { width: height, height: width };
}

/** What a frame's own header says of its size. */
export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** Size from a VP8 keyframe's header; undefined if it is no keyframe or malformed (RFC 6386, 9.1). */
export function vp8KeyframeSize(frame: Buffer): FrameSize | undefined {
  if (frame.length < 10 || ((frame[0] as number) & 1) !== 0) return undefined;
  if (frame[3] !== 0x9d || frame[4] !== 0x01 || frame[5] !== 0x2a) return undefined;
  const width = frame.readUInt16LE(6) & 0x3fff;
  const height = frame.readUInt16LE(8) & 0x3fff;
  return width > 0 && height > 0 ? { width, height } : undefined;
}

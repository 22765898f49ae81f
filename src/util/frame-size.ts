/** Size of a picture in pixels. */
export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** The largest picture of either shape: its longer and its shorter side, in pixels. */
export interface FrameLimit {
  readonly long: number;
  readonly short: number;
}

/** Video of this size is decoded without a question. */
export const USUAL_SIZE: FrameLimit = { long: 1920, short: 1200 };
/** Larger video is decoded by no setting. */
export const LARGEST_SIZE: FrameLimit = { long: 3840, short: 2160 };

export function fitsLimit({ width, height }: FrameSize, { long, short }: FrameLimit): boolean {
  return Math.max(width, height) <= long && Math.min(width, height) <= short;
}

/** Size of a picture in pixels. */
export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

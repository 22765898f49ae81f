/**
 * What a source's decoder may leave out, because nobody would see it: frames that no other frame
 * needs, where the tile is redrawn at half their rate or less, and the smoothing of blocks in them,
 * where the tile is much smaller than the picture. Pure.
 */
import type { FrameSize } from '../../util/frame-size.js';
import type { Micros } from '../../util/units.js';

/** Frames are left out when the tile's interval is this many times theirs, or more. */
const INTERVAL_RATIO = 1.8;
/** Blocks are left unsmoothed when the picture is shrunk this much: it costs 0.03 dB then. */
const SHRINK_RATIO = 1.4;
const SMOOTHING = 0.1;

export class DecoderSavings {
  /** Leave out frames that no other frame needs. */
  skipsFrames = false;
  /** Leave out the loop filter in frames that no other frame needs. */
  skipsFilter = false;
  /** From frame to frame as they arrive; 0 if unknown. */
  private arrivalInterval: Micros = 0;
  private arrivedAt: Micros = 0;

  /** A frame arrived. */
  frameArrived(at: Micros): void {
    if (this.arrivedAt > 0) {
      const smoothing = this.arrivalInterval === 0 ? 1 : SMOOTHING;
      this.arrivalInterval += smoothing * (at - this.arrivedAt - this.arrivalInterval);
    }
    this.arrivedAt = at;
  }

  /** The camera went off: the pause that follows is no interval. */
  reset(): void {
    this.arrivedAt = 0;
  }

  /**
   * @param picture size of the source's pictures; undefined before the first.
   * @param tile size of its widest tile; undefined if it has none.
   * @param interval from one picture of the tile to the next, at least.
   * @returns whether {@link skipsFrames} or {@link skipsFilter} changed.
   */
  update(picture: FrameSize | undefined, tile: FrameSize | undefined, interval: Micros): boolean {
    const { arrivalInterval, skipsFrames, skipsFilter } = this;
    this.skipsFrames = arrivalInterval > 0 && interval >= INTERVAL_RATIO * arrivalInterval;
    this.skipsFilter = picture !== undefined && tile !== undefined && isShrunk(picture, tile);
    return this.skipsFrames !== skipsFrames || this.skipsFilter !== skipsFilter;
  }
}

/** Whether a picture that fills a tile is made much smaller for it. */
function isShrunk(picture: FrameSize, tile: FrameSize): boolean {
  return picture.width >= SHRINK_RATIO * tile.width && picture.height >= SHRINK_RATIO * tile.height;
}

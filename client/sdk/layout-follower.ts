/**
 * Where every tile is in the frame that is on the screen. Layouts are applied by the RTP timestamps of
 * the frames. Moving tiles are computed with the same function as in the server's compositor.
 */

import type { LayoutDescription, TileRegion } from '../../src/protocol/layout.js';
import { type Rect, rectBetween } from '../../src/protocol/tile-geometry.js';
import type { Room } from './room.js';

export interface ShownRegion {
  readonly region: TileRegion;
  /** In fractions of the composite. */
  readonly box: Rect;
}

interface PendingLayout {
  readonly layout: LayoutDescription;
  /** RTP timestamp of the first frame with this layout. Undefined: the next frame. */
  readonly timestamp: number | undefined;
}

/** Chromium gives the RTP timestamp of the frame. Other browsers may not. */
type FrameMetadata = VideoFrameCallbackMetadata & { readonly rtpTimestamp?: number };

const TICKS_PER_MICRO = 0.09;

/** Names a tile: the same in all layouts. */
export const keyOf = ({ participant, source }: TileRegion) => `${participant} ${source}`;

function pixels({ x, y, width, height }: Rect, canvas: LayoutDescription): Rect {
  return {
    x: Math.round(x * canvas.width),
    y: Math.round(y * canvas.height),
    width: Math.round(width * canvas.width),
    height: Math.round(height * canvas.height),
  };
}

function placesOf({ regions }: LayoutDescription): string {
  return regions
    .map((region) => [keyOf(region), region.x, region.y, region.width, region.height, region.z])
    .join(' ');
}

export class LayoutFollower {
  private readonly pending: PendingLayout[] = [];
  private layout: LayoutDescription;
  /** Where tiles were when they started to move, in pixels. */
  private from: ReadonlyMap<string, Rect> = new Map();
  private startedAt: number | undefined;
  private shown: number | undefined;
  private readonly unsubscribe: () => void;
  private stopped = false;

  /** @param onFrame is called for each frame that is shown, and when the layout changes. */
  constructor(
    room: Room,
    private readonly composite: HTMLVideoElement,
    private readonly onFrame: () => void,
  ) {
    this.layout = room.layout;
    this.unsubscribe = room.on('layout', (change) => this.changed(change));
    this.follow();
  }

  stop(): void {
    this.stopped = true;
    this.unsubscribe();
  }

  /** Later ones cover earlier ones. */
  get regions(): readonly ShownRegion[] {
    const { layout, shown, startedAt, from } = this;
    const elapsed =
      shown === undefined || startedAt === undefined
        ? Number.POSITIVE_INFINITY
        : ((shown - startedAt) | 0) / TICKS_PER_MICRO;
    return layout.regions.map((region) => {
      const start = from.get(keyOf(region));
      if (!start) return { region, box: region };
      const { x, y, width, height } = rectBetween(start, pixels(region, layout), elapsed);
      const box = {
        x: x / layout.width,
        y: y / layout.height,
        width: width / layout.width,
        height: height / layout.height,
      };
      return { region, box };
    });
  }

  private changed(change: PendingLayout): void {
    this.pending.push(change);
    if (!('requestVideoFrameCallback' in this.composite)) this.advance(undefined);
  }

  private follow(): void {
    if (this.stopped || !('requestVideoFrameCallback' in this.composite)) return;
    this.composite.requestVideoFrameCallback((_now, metadata) => {
      if (this.stopped) return;
      this.advance((metadata as FrameMetadata).rtpTimestamp);
      this.follow();
    });
  }

  /** Applies the layouts up to the frame with this RTP timestamp. */
  private advance(shown: number | undefined): void {
    for (let next = this.pending[0]; next; next = this.pending[0]) {
      const { timestamp } = next;
      const isAhead =
        shown !== undefined && timestamp !== undefined && ((shown - timestamp) | 0) < 0;
      if (isAhead) break;
      // Compute where tiles were when the layout changed, not where they are in a later frame.
      this.shown = timestamp ?? shown;
      this.take(next);
      this.pending.shift();
    }
    this.shown = shown;
    this.onFrame();
  }

  private take({ layout, timestamp }: PendingLayout): void {
    if (placesOf(layout) !== placesOf(this.layout)) {
      this.from = new Map(
        timestamp === undefined || this.layout.width === 0
          ? []
          : this.regions.map(({ region, box }) => [keyOf(region), pixels(box, this.layout)]),
      );
      this.startedAt = timestamp;
    }
    this.layout = layout;
  }
}

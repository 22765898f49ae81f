/**
 * Where every tile is in the picture that is being shown: follows the region map by the RTP timestamps
 * of the pictures, and the way of the tiles from one layout to the next as the server draws it.
 */

import type { LayoutDescription } from '../../src/protocol/layout.js';
import { type Rect, rectBetween } from '../../src/protocol/tile-geometry.js';
import type { Room } from './room.js';

export type TileRegion = LayoutDescription['regions'][number];

export interface ShownRegion {
  readonly region: TileRegion;
  /** In fractions of the picture. */
  readonly box: Rect;
}

interface PendingLayout {
  readonly layout: LayoutDescription;
  /** RTP timestamp of the first picture of which it holds; undefined: the next. */
  readonly timestamp: number | undefined;
}

/** Chromium tells the RTP timestamp of what it shows; other browsers may not. */
type FrameMetadata = VideoFrameCallbackMetadata & { readonly rtpTimestamp?: number };

const TICKS_PER_MICRO = 0.09;

/** Of a participant's tile, or their screen's, in whichever layout. */
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
  /** Where tiles were when they began to move, in pixels. */
  private from: ReadonlyMap<string, Rect> = new Map();
  private startedAt: number | undefined;
  private shown: number | undefined;
  private readonly unsubscribe: () => void;
  private stopped = false;

  /** @param onFrame is called for each picture that is shown, and when the layout changes. */
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

  /** From the back to the front. */
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

  /** Takes the layouts that the picture of that timestamp shows. */
  private advance(shown: number | undefined): void {
    for (let next = this.pending[0]; next; next = this.pending[0]) {
      const { timestamp } = next;
      const isAhead =
        shown !== undefined && timestamp !== undefined && ((shown - timestamp) | 0) < 0;
      if (isAhead) break;
      // Where they were at that moment, not where they are in the picture after it.
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

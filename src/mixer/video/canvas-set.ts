/**
 * The canvases of a room: the one of the room's own size, and one for each other size in demand.
 */
import type { MixSettings, SourceId, WatchedVideo } from '../../link/link-messages.js';
import type { OverlaySettings } from '../../protocol/overlay-settings.js';
import type { FrameSize } from '../../util/frame-size.js';
import { RetryGate } from '../../util/retry-gate.js';
import type { Micros } from '../../util/units.js';
import { type Faults, ROOM } from '../faults.js';
import type { PlanInput } from '../layout/layout-planner.js';
import type { RoomImages } from '../tiles/room-images.js';
import { Canvas } from './canvas.js';
import { CompositeCounters, type CompositeSnapshot } from './composite-counters.js';
import type { RenditionEncoderEvents } from './rendition-encoders.js';

const PAUSES = { firstMs: 1000, maxMs: 30_000 };

/** Whether a video can be scaled down from the room's own canvas. */
function fitsInto({ own }: WatchedVideo, { width, height }: FrameSize): boolean {
  if (!own) return true;
  const sameShape = Math.abs(own.width / own.height - width / height) < 0.01;
  return sameShape && own.width <= width && own.height <= height;
}

export class CanvasSet {
  /** The canvas of the room's own size. */
  readonly main: Canvas;
  /** The other canvases by their size. */
  private readonly extra = new Map<string, Canvas>();
  private readonly counters = new CompositeCounters();
  /** Sizes whose canvas could not be opened. */
  private readonly failing = new RetryGate<string>(PAUSES);
  private overlays: OverlaySettings = {};

  /** @param now reads the monotonic clock. */
  constructor(
    private readonly settings: MixSettings,
    private readonly images: RoomImages,
    private readonly events: RenditionEncoderEvents,
    private readonly faults: Faults,
    private readonly now: () => Micros,
  ) {
    this.main = this.open(settings);
  }

  /** The main one first. */
  get all(): readonly Canvas[] {
    return [this.main, ...this.extra.values()];
  }

  /** Whether an encode of any canvas is wanted. */
  get watched(): boolean {
    return this.main.watched || this.extra.size > 0;
  }

  setOverlays(overlays: OverlaySettings): void {
    this.overlays = overlays;
    for (const canvas of this.all) canvas.setOverlays(overlays);
  }

  requestKeyframe(video: WatchedVideo, urgent: boolean): void {
    for (const canvas of this.all) canvas.requestKeyframe(video, urgent);
  }

  /** Opens canvases and encoders for what is watched, and closes the others. */
  async watch(videos: readonly WatchedVideo[]): Promise<void> {
    const onMain: WatchedVideo[] = [];
    const bySize = new Map<string, WatchedVideo[]>();
    for (const video of videos) {
      const { own } = video;
      if (!own || fitsInto(video, this.settings)) {
        onMain.push(video);
        continue;
      }
      const size = `${own.width}x${own.height}`;
      bySize.set(size, [...(bySize.get(size) ?? []), video]);
      this.openExtra(size, own);
    }
    this.failing.keepOnly(new Set(bySize.keys()));
    await this.main.watch(onMain);
    for (const [size, canvas] of this.extra) {
      await canvas.watch(bySize.get(size) ?? []);
      if (canvas.watched) continue;
      this.extra.delete(size);
      canvas.dispose();
    }
  }

  /** Plans every canvas. @returns sources with a tile on any of them. */
  plan(input: PlanInput): ReadonlySet<SourceId> {
    const placed = new Set<SourceId>();
    for (const canvas of this.all) {
      for (const { source } of canvas.plan(input)) placed.add(source);
    }
    return placed;
  }

  /** The widest tile of each source, over all canvases. */
  widestTiles(): ReadonlyMap<SourceId, FrameSize> {
    const widest = new Map<SourceId, FrameSize>();
    for (const canvas of this.all) {
      for (const { source, rect } of canvas.layout) {
        if (rect.width > (widest.get(source)?.width ?? 0)) widest.set(source, rect);
      }
    }
    return widest;
  }

  snapshot(): CompositeSnapshot {
    return this.counters.snapshot();
  }

  dispose(): void {
    for (const canvas of this.all) canvas.dispose();
    this.extra.clear();
  }

  /** Opens the canvas of a size if it is not open; a failure is tried again after a pause. */
  private openExtra(size: string, { width, height }: FrameSize): void {
    if (this.extra.has(size) || !this.failing.mayTry(size, this.now())) return;
    try {
      this.extra.set(size, this.open({ ...this.settings, width, height }));
    } catch (error) {
      this.faults.caught(ROOM, 'canvas', error);
      this.failing.failed(size, this.now());
    }
  }

  private open(settings: MixSettings): Canvas {
    const canvas = new Canvas(
      settings,
      this.images,
      this.events,
      this.counters,
      this.faults,
      this.now,
    );
    canvas.setOverlays(this.overlays);
    return canvas;
  }
}

/**
 * Stage: one composite and its encodes. A room has one canvas that everybody receives, and more
 * when somebody, such as a recording, wants another size: those draw the same decoded pictures
 * again instead of scaling the first composite.
 */

import type { LayoutState, MixSettings, SourceId, WatchedVideo } from '../../link/link-messages.js';
import type { OverlaySettings } from '../../protocol/overlay-settings.js';
import { nowMicros } from '../../util/clock.js';
import type { Micros } from '../../util/units.js';
import { type Faults, ROOM } from '../faults.js';
import type { Placement } from '../layout/layout.js';
import { LayoutPlanner, type PlanInput } from '../layout/layout-planner.js';
import { Backdrop } from '../tiles/backdrop.js';
import type { RoomImages } from '../tiles/room-images.js';
import { RoomOverlays } from '../tiles/room-overlays.js';
import type { TileContent } from '../tiles/tile-content.js';
import { TileTransitions } from '../tiles/tile-transitions.js';
import { CanvasContent } from './canvas-content.js';
import type { CompositeCounters } from './composite-counters.js';
import { Compositor } from './compositor.js';
import { LateTiles } from './late-tiles.js';
import { type RenditionEncoderEvents, RenditionEncoders } from './rendition-encoders.js';

/** Space between tiles and around them, in pixels. */
const GAP = 8;

export class Canvas {
  private readonly planner: LayoutPlanner;
  private readonly transitions = new TileTransitions();
  private readonly backdrop: Backdrop;
  private readonly overlays: RoomOverlays;
  private readonly compositor: Compositor;
  private readonly encoders: RenditionEncoders;
  private readonly content: CanvasContent;
  private readonly lateTiles = new LateTiles();
  /** Where tiles are going. */
  private targets: readonly Placement[] = [];
  /** Where tiles are. */
  private placements: readonly Placement[] = [];

  /**
   * @param counters shared by the canvases of a room.
   * @param now reads the monotonic clock.
   */
  constructor(
    private readonly settings: MixSettings,
    images: RoomImages,
    events: RenditionEncoderEvents,
    private readonly counters: CompositeCounters,
    private readonly faults: Faults,
    now: () => Micros = nowMicros,
  ) {
    this.planner = new LayoutPlanner({ ...settings, gap: GAP });
    this.backdrop = new Backdrop(settings, images, faults);
    this.overlays = new RoomOverlays(settings, images, faults);
    this.compositor = new Compositor(settings, faults);
    this.encoders = new RenditionEncoders(settings, events, counters, faults, now);
    this.content = new CanvasContent(settings);
  }

  /** Whether an encode of it is wanted. */
  get watched(): boolean {
    return this.encoders.size > 0;
  }

  /** Where tiles are going. */
  get layout(): readonly Placement[] {
    return this.targets;
  }

  /** Equal for equal layouts whose pictures fill their tiles alike. */
  get layoutKey(): string {
    const fits = this.targets.map(({ source }) => this.fitOf(source));
    return `${this.transitions.generation} ${fits}`;
  }

  /** How a source's picture fills its tile. */
  fitOf(source: SourceId): MixSettings['fit'] {
    return this.compositor.fitOf(source) ?? this.settings.fit;
  }

  setOverlays(overlays: OverlaySettings): void {
    this.faults.guard(ROOM, 'overlay', () => this.overlays.set(overlays));
  }

  requestKeyframe(video: WatchedVideo, urgent: boolean): void {
    this.encoders.requestKeyframe(video, urgent);
  }

  /** Opens encoders for what is watched of this canvas, and closes the others. */
  watch(videos: readonly WatchedVideo[]): Promise<void> {
    return this.encoders.watch(videos);
  }

  /** Decides who has a tile where. */
  plan(input: PlanInput): readonly Placement[] {
    // A plan that fails leaves the tiles where they are.
    this.targets =
      this.faults.guard(ROOM, 'canvas', () => this.planner.plan(input)) ?? this.targets;
    this.placements = this.transitions.update(this.targets, input.now);
    this.content.update(this.targets, input.now);
    return this.targets;
  }

  /**
   * Draws what changed.
   * @param maxTiles that there is time to draw.
   * @returns how many tiles were drawn for new content, and whether any pixel may have changed.
   */
  async draw(
    contents: readonly TileContent[],
    { mode, custom }: LayoutState,
    maxTiles: number,
  ): Promise<{ tiles: number; changed: boolean }> {
    const placed = new Set(this.placements.map(({ source }) => source));
    this.compositor.setBackdrop(await this.backdrop.of(mode === 'custom' ? custom : undefined));
    this.compositor.setOverlays(this.overlays.at(Date.now()));
    const shown = contents.filter(({ id }) => placed.has(id));
    const stale = this.compositor.stale(shown);
    const late = this.lateTiles.choose(stale, maxTiles);
    this.counters.canvases.video_tiles_late += late.size;
    const changed = await this.compositor.draw(shown, this.placements, late);
    return { tiles: stale.length - late.size, changed };
  }

  /** @param due the tick that was drawn. */
  encode(due: Micros, changed: boolean): Promise<void> {
    return this.encoders.encode(this.compositor.picture, this.content.current, due, changed);
  }

  dispose(): void {
    this.encoders.dispose();
    this.compositor.dispose();
    this.backdrop.dispose();
  }
}

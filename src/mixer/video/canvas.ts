/**
 * Stage: one picture of the room, and its encodes. A room has one that everybody receives, and more
 * while somebody, such as a recording, wants another size: the same sources, drawn anew from what was
 * decoded, not from the other picture.
 */

import type { VideoContent } from '../../codecs/codec.js';
import type {
  LayoutState,
  MixSettings,
  SourceId,
  VideoOutFrame,
  WatchedVideo,
} from '../../link/link-messages.js';
import type { OverlaySettings } from '../../protocol/overlay-settings.js';
import { nowMicros } from '../../util/clock.js';
import type { Micros } from '../../util/units.js';
import type { Placement } from '../layout/layout.js';
import { LayoutPlanner, type PlanInput } from '../layout/layout-planner.js';
import { Backdrop } from '../tiles/backdrop.js';
import type { RoomImages } from '../tiles/room-images.js';
import { RoomOverlays } from '../tiles/room-overlays.js';
import type { TileContent } from '../tiles/tile.js';
import { TileTransitions } from '../tiles/tile-transitions.js';
import { CompositeEncoder } from './composite-encoder.js';
import { Compositor } from './compositor.js';

/** Space between tiles and around them, in pixels. */
const GAP = 8;

/** Share of the canvas from which on a screen counts for the encoder, and for how long it must. */
const LARGE_SCREEN = 0.3;
const CONTENT_HOLD: Micros = 1_000_000;

function encoderKey({ codec, rendition }: WatchedVideo): string {
  return `${codec}/${rendition}`;
}

const NONE_LATE: ReadonlySet<SourceId> = new Set();

export interface CanvasEvents {
  frame(frame: VideoOutFrame): void;
  count(name: string, by?: number): void;
  /** How long an encode took that gave a frame. */
  encoded(micros: Micros): void;
}

export class Canvas {
  /** By codec and rendition; see {@link encoderKey}. */
  private readonly encoders = new Map<string, CompositeEncoder>();
  private readonly compositor: Compositor;
  private readonly overlays: RoomOverlays;
  private readonly backdrop: Backdrop;
  private readonly planner: LayoutPlanner;
  private readonly transitions = new TileTransitions();
  /** Ticks that tiles have waited for. */
  private lateFor: ReadonlyMap<SourceId, number> = new Map();
  private targets: readonly Placement[] = [];
  private placements: readonly Placement[] = [];
  /** What most of the picture is, and when it was so last. */
  private content: VideoContent = 'camera';
  private contentSince: Micros = 0;

  constructor(
    private readonly settings: MixSettings,
    images: RoomImages,
    private readonly events: CanvasEvents,
  ) {
    this.compositor = new Compositor(settings);
    this.overlays = new RoomOverlays(settings, images);
    this.backdrop = new Backdrop(settings, images);
    this.planner = new LayoutPlanner({ ...settings, gap: GAP });
  }

  /** Whether anybody wants it. */
  get watched(): boolean {
    return this.encoders.size > 0;
  }

  /** Where tiles are going. */
  get layout(): readonly Placement[] {
    return this.targets;
  }

  /** Tells one layout, with how pictures fill their tiles, from another. */
  get layoutKey(): string {
    const fits = this.targets.map(({ source }) => this.fitOf(source));
    return `${this.transitions.generation} ${fits}`;
  }

  /** How a source's picture fills its tile. */
  fitOf(source: SourceId): MixSettings['fit'] {
    return this.compositor.fitOf(source) ?? this.settings.fit;
  }

  setOverlays(overlays: OverlaySettings): void {
    this.overlays.set(overlays);
  }

  requestKeyframe(video: WatchedVideo, urgent: boolean): void {
    this.encoders.get(encoderKey(video))?.requestKeyframe(urgent);
  }

  /** Opens encoders for what is watched of it, and closes the others. */
  async watch(videos: readonly WatchedVideo[]): Promise<void> {
    const wanted = new Set(videos.map(encoderKey));
    for (const [key, encoder] of this.encoders) {
      if (wanted.has(key)) continue;
      this.encoders.delete(key);
      for (const [name, value] of Object.entries(encoder.counters)) this.events.count(name, value);
      encoder.dispose();
    }
    for (const watched of videos) {
      const key = encoderKey(watched);
      const rendition = watched.own ?? this.settings.renditions[watched.rendition];
      if (this.encoders.has(key) || !rendition) continue;
      const encoder = await CompositeEncoder.open(watched, rendition, this.settings);
      if (encoder.fallback !== undefined) this.events.count('video_hardware_fallbacks');
      this.encoders.set(key, encoder);
    }
  }

  /** Says who has a tile. */
  plan(input: PlanInput): readonly Placement[] {
    this.targets = this.planner.plan(input);
    this.placements = this.transitions.update(this.targets, input.now);
    this.followContent(input.now);
    return this.targets;
  }

  /**
   * Draws what changed as it was planned.
   * @param maxTiles that there is time for: who speaks comes first, then who has waited longest.
   * @returns how many tiles were to be drawn, and whether anything changed.
   */
  async draw(
    contents: readonly TileContent[],
    { mode, custom }: LayoutState,
    maxTiles: number,
  ): Promise<{ tiles: number; changed: boolean }> {
    const placed = new Set(this.placements.map(({ source }) => source));
    this.compositor.setBackdrop(await this.backdrop.of(mode === 'custom' ? custom : undefined));
    this.compositor.setOverlays(this.overlays.at(Date.now()));
    const drawn = contents.filter(({ id }) => placed.has(id));
    const stale = this.compositor.stale(drawn);
    const late = stale.length > maxTiles ? this.latest(stale, maxTiles) : NONE_LATE;
    this.lateFor = new Map([...late].map((id) => [id, (this.lateFor.get(id) ?? 0) + 1]));
    if (late.size > 0) this.events.count('video_tiles_late', late.size);
    const changed = await this.compositor.draw(drawn, this.placements, late);
    return { tiles: stale.length - late.size, changed };
  }

  private latest(stale: readonly TileContent[], maxTiles: number): ReadonlySet<SourceId> {
    const waited = ({ id, speaking }: TileContent) =>
      speaking ? Number.POSITIVE_INFINITY : (this.lateFor.get(id) ?? 0);
    const order = [...stale].sort((a, b) => waited(b) - waited(a));
    return new Set(order.slice(maxTiles).map(({ id }) => id));
  }

  async encode(due: Micros, changed: boolean): Promise<void> {
    const { events } = this;
    await Promise.all(
      [...this.encoders.values()].map(async (encoder) => {
        await encoder.setContent(this.content);
        const { codec, rendition } = encoder.watched;
        const start = nowMicros();
        const frames = await encoder.encode(this.compositor.picture, due, changed);
        const encodedMicros = nowMicros();
        if (frames.length > 0) events.encoded(encodedMicros - start);
        for (const encoded of frames) {
          events.count(`video_encodes_${codec}`);
          events.count(`video_encodes_${codec}_${rendition}`);
          if (encoded.keyframe) events.count(`video_keyframes_${codec}`);
          events.count(`video_bytes_${codec}_${rendition}`, encoded.data.length);
          const head = { kind: 'video-out', codec, rendition, ptsMicros: due } as const;
          events.frame({ ...head, encodedMicros, ...encoded });
        }
      }),
    );
  }

  /** Of the encoders that are open. */
  counters(): Readonly<Record<string, number>>[] {
    return [...this.encoders.values()].map(({ counters }) => counters);
  }

  dispose(): void {
    for (const encoder of this.encoders.values()) encoder.dispose();
    this.encoders.clear();
    this.compositor.dispose();
    this.backdrop.dispose();
  }

  /** Text is encoded otherwise than faces, once a screen has been large for a while. */
  private followContent(now: Micros): void {
    const { width, height } = this.settings;
    const screens = this.targets.filter(({ role }) => role === 'screen');
    const area = screens.reduce((sum, { rect }) => sum + rect.width * rect.height, 0);
    const content = area > LARGE_SCREEN * width * height ? 'screen' : 'camera';
    if (content === this.content) this.contentSince = now;
    else if (now - this.contentSince >= CONTENT_HOLD) this.content = content;
  }
}

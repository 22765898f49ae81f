/**
 * The video side of a room. On each tick: open and close canvases, plan who has a tile, take the
 * newest picture of every source, draw what changed, encode each rendition, and measure the load.
 */
import type {
  LayoutState,
  MixSettings,
  SourceId,
  TilePlace,
  VideoInFrame,
  VideoOutFrame,
  WatchedVideo,
} from '../../link/link-messages.js';
import type { LoadStep } from '../../link/load-steps.js';
import type { OverlaySettings } from '../../protocol/overlay-settings.js';
import type { FrameSize } from '../../util/frame-size.js';
import type { StageTimes } from '../../util/stage-times.js';
import type { Micros } from '../../util/units.js';
import { type Faults, ROOM } from '../faults.js';
import type { MixerTicker, MixerTime } from '../mixer-time.js';
import type { Source, SourceTable } from '../source-table.js';
import { TickGuard } from '../tick-guard.js';
import { RoomImages } from '../tiles/room-images.js';
import type { TileContent } from '../tiles/tile-content.js';
import type { Canvas } from './canvas.js';
import { CanvasSet } from './canvas-set.js';
import type { CompositeSnapshot } from './composite-counters.js';
import { type LoadSnapshot, TickLoad } from './tick-load.js';
import type { VideoSourceCounters } from './video-source.js';

/** A camera that sends nothing for this time shows the placeholder instead of its last picture. */
const STALE_PICTURE: Micros = 3_000_000;
/** Late ticks that are made up for before ticks are skipped: an old picture is of no use. */
const MAX_TICKS_BEHIND = 1;

export interface VideoLoopEvents {
  /** An encoded frame of a composite. */
  frame(frame: VideoOutFrame): void;
  /** Tiles of the main canvas are elsewhere than before, from the picture with this time on. */
  layout(tiles: readonly TilePlace[], ptsMicros: Micros): void;
  /** Load control takes other steps than before. */
  load(steps: readonly LoadStep[]): void;
  /** The source's decoder does not come back: the server replaces this process. */
  hung(source: SourceId): void;
  /** The loop cannot go on: the server replaces this process. */
  failed(error: unknown): void;
}

/** Who speaks, as the audio side knows it. */
export interface Speech {
  readonly speakers: ReadonlySet<SourceId>;
  readonly dominant: SourceId | undefined;
}

export interface VideoLoopCounters {
  video_ticks: number;
  /** Frames of sources that have no tile, or that nobody watches. */
  video_frames_not_shown: number;
}

export interface VideoLoopSnapshot {
  readonly loop: Readonly<VideoLoopCounters>;
  readonly video_ticks_skipped: number;
  readonly decoder_queue_frames: number;
  readonly sources: Readonly<VideoSourceCounters>;
  readonly composite: CompositeSnapshot;
  readonly load: LoadSnapshot;
}

export class VideoLoop {
  private readonly images = new RoomImages();
  private readonly canvases: CanvasSet;
  private readonly load: TickLoad;
  private readonly ticker: MixerTicker;
  private readonly guard: TickGuard;
  private readonly counters: VideoLoopCounters = { video_ticks: 0, video_frames_not_shown: 0 };
  private layout: LayoutState = { mode: 'grid', pinned: [] };
  private watched: readonly WatchedVideo[] = [];
  /** The main canvas' layout as last reported. */
  private reportedLayout = '';

  /** @param stages takes the durations of `compose` and `encode`. */
  constructor(
    settings: MixSettings,
    private readonly sources: SourceTable,
    private readonly speech: Speech,
    private readonly events: VideoLoopEvents,
    private readonly stages: StageTimes,
    private readonly faults: Faults,
    private readonly time: MixerTime,
  ) {
    const { images } = this;
    const now = () => time.now();
    const encoderEvents = {
      frame: (frame: VideoOutFrame) => events.frame(frame),
      encoded: (micros: Micros) => stages.observe('encode', micros),
    };
    this.canvases = new CanvasSet(settings, images, encoderEvents, faults, now);
    this.load = new TickLoad(settings, (steps) => this.applyLoadSteps(steps));
    this.guard = new TickGuard(faults, now, (error) => events.failed(error));
    this.ticker = time.ticker(
      1_000_000 / settings.frameRate,
      MAX_TICKS_BEHIND,
      (due) => this.tick(due),
      (error) => this.guard.failed(error),
    );
  }

  startTicks(): void {
    this.ticker.start();
  }

  setLayout(layout: LayoutState): void {
    this.layout = layout;
  }

  setOverlays(overlays: OverlaySettings): void {
    this.canvases.setOverlays(overlays);
  }

  /** @param data undefined forgets the image. */
  setImage(name: string, data: Buffer | undefined): void {
    this.images.set(name, data).catch((error: unknown) => this.faults.caught(ROOM, 'image', error));
  }

  /** @param floor load steps that the server asks for. */
  setLoadFloor(floor: number): void {
    this.load.setFloor(floor);
  }

  requestKeyframe(video: WatchedVideo, urgent: boolean): void {
    this.canvases.requestKeyframe(video, urgent);
  }

  /** @param videos encodes that are wanted from the next tick on. */
  watch(videos: readonly WatchedVideo[]): void {
    const begins = this.watched.length === 0 && videos.length > 0;
    this.watched = videos;
    if (!begins) return;
    // Nothing was decoded while nobody watched.
    for (const source of this.sources) this.sources.restartVideo(source);
  }

  push(frame: VideoInFrame): void {
    const source = this.sources.get(frame.source);
    const isShown = source?.state.videoOn && source.tiled && this.watched.length > 0;
    if (isShown) this.faults.guard(source.id, 'receive', () => source.video.push(frame));
    else this.counters.video_frames_not_shown++;
  }

  /** @param due the time of the composite; a late tick composes for the time it was due. */
  async tick(due: Micros): Promise<void> {
    await this.canvases.watch(this.watched);
    if (this.canvases.watched) await this.compose(due);
    const now = this.time.now();
    this.load.ticked(now - due, this.sources.maxBacklog, now);
    this.faults.sweep();
    this.sources.keepBudget(now);
    const hung = this.sources.hanging(now);
    if (hung !== undefined) this.events.hung(hung);
    this.guard.passed();
  }

  snapshot(): VideoLoopSnapshot {
    return {
      loop: { ...this.counters },
      video_ticks_skipped: this.ticker.skipped,
      decoder_queue_frames: this.sources.queuedFrames,
      sources: this.sources.snapshot(),
      composite: this.canvases.snapshot(),
      load: this.load.snapshot(),
    };
  }

  /** No tick follows once this resolves. */
  stop(): Promise<void> {
    return this.ticker.stop();
  }

  close(): void {
    this.canvases.dispose();
  }

  private async compose(due: Micros): Promise<void> {
    this.counters.video_ticks++;
    this.plan(due);
    const contents = this.takeContents(due);
    try {
      for (const canvas of this.canvases.all) {
        await this.composeOn(canvas, contents, due).catch((error: unknown) => {
          if (canvas === this.canvases.main) throw error;
          this.faults.caught(ROOM, 'canvas', error);
        });
      }
    } finally {
      for (const { picture } of contents) picture?.[Symbol.dispose]();
    }
  }

  private async composeOn(
    canvas: Canvas,
    contents: readonly TileContent[],
    due: Micros,
  ): Promise<void> {
    const start = this.time.now();
    const { maxTiles } = this.load;
    const { tiles, changed } = await canvas.draw(contents, this.layout, maxTiles);
    const took = this.time.now() - start;
    this.load.drew(tiles, took);
    if (changed) this.stages.observe('compose', took);
    if (canvas === this.canvases.main) this.reportLayout(due);
    await canvas.encode(due, changed);
  }

  /** Decides who has a tile; a source that gets one starts with a keyframe. */
  private plan(now: Micros): void {
    const states = [...this.sources].map(({ state }) => state);
    const placed = this.canvases.plan({
      sources: states.filter(({ visible }) => visible),
      dominant: this.speech.dominant,
      layout: this.layout,
      now,
    });
    for (const source of this.sources) {
      const tiled = placed.has(source.id);
      if (tiled && !source.tiled) this.sources.restartVideo(source);
      source.tiled = tiled;
    }
  }

  /** What every tile shows on this tick; the pictures are the caller's. */
  private takeContents(due: Micros): TileContent[] {
    const tiles = this.canvases.widestTiles();
    const contents: TileContent[] = [];
    for (const source of this.sources) {
      if (source.tiled) contents.push(this.contentOf(source, tiles.get(source.id), due));
    }
    return contents;
  }

  /** @param tile the source's widest tile. */
  private contentOf(
    { id, state, video }: Source,
    tile: FrameSize | undefined,
    due: Micros,
  ): TileContent {
    const isScreen = state.kind === 'screen';
    const speaking = this.speech.speakers.has(id);
    const isListener = !isScreen && !speaking && this.speech.dominant !== id;
    const interval = isListener ? this.load.listenerInterval : 0;
    // A screen on which nothing moves sends nothing.
    const isFresh = isScreen || due - video.lastPictureAt < STALE_PICTURE;
    const picture = this.faults.guard(id, 'video_timing', () => {
      video.setShown(tile, Math.max(interval, 1_000_000 / this.load.frameRate));
      // Shared, because the source may free its own while the tile is being drawn.
      return state.videoOn && isFresh ? video.pictureAt(due, interval)?.share() : undefined;
    });
    const trouble = state.trouble || this.faults.isFaulty(id);
    return {
      id,
      label: { name: state.name, muted: !state.audioOn, trouble, screen: isScreen },
      speaking,
      picture,
      generation: video.generation,
      avatar: this.images.get(state.avatar),
    };
  }

  /** Reports where tiles are going and how pictures fill them, if that changed. */
  private reportLayout(ptsMicros: Micros): void {
    const { main } = this.canvases;
    const key = main.layoutKey;
    if (key === this.reportedLayout) return;
    this.reportedLayout = key;
    const tiles = main.layout.map(({ source, rect, role, z }) => ({
      source,
      ...rect,
      role,
      z,
      fit: main.fitOf(source),
    }));
    this.events.layout(tiles, ptsMicros);
  }

  private applyLoadSteps(steps: readonly LoadStep[]): void {
    this.ticker.setInterval(1_000_000 / this.load.frameRate);
    this.events.load(steps);
  }
}

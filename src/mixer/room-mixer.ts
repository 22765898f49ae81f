/**
 * The media process's side of a room: joins the stages. Video: sources decode as frames come; each
 * tick draws what changed and encodes it once per codec in use. Audio: each tick mixes and encodes.
 */
import type {
  AudioInFrame,
  LayoutState,
  MediaCommand,
  MediaCounters,
  MediaEvent,
  MediaFrame,
  MixSettings,
  SourceId,
  SourceState,
  VideoInFrame,
  WatchedVideo,
} from '../link/link-messages.js';
import type { LoadStep } from '../link/load-steps.js';
import type { OverlaySettings } from '../protocol/overlay-settings.js';
import { nowMicros } from '../util/clock.js';
import type { FrameSize } from '../util/frame-size.js';
import { type StageHistograms, StageTimes } from '../util/stage-times.js';
import { Ticker } from '../util/ticker.js';
import type { Micros } from '../util/units.js';
import { announcement } from './audio/announcement.js';
import { AudioMixer } from './audio/audio-mixer.js';
import { audioLevel, DominantSpeaker } from './audio/dominant-speaker.js';
import { LOW_RATE_TICKS } from './audio/low-rate-mix.js';
import { AvSync } from './av-sync.js';
import type { Placement } from './layout/layout.js';
import { RoomImages } from './tiles/room-images.js';
import type { TileContent } from './tiles/tile.js';
import { Canvas } from './video/canvas.js';
import { TickLoad } from './video/tick-load.js';
import { VideoSource } from './video/video-source.js';

const AUDIO_INTERVAL: Micros = 20_000;
/** A camera that sends nothing for so long shows the placeholder in place of its last picture. */
const STALE_PICTURE: Micros = 3_000_000;
/** Pictures made up for when a tick is late: none. Sound: all of a tenth of a second. */
const MAX_VIDEO_BEHIND = 1;
const MAX_AUDIO_BEHIND = 10;

interface Source {
  state: SourceState;
  /** Whether it is among those that the canvas has tiles for. */
  tiled: boolean;
  readonly video: VideoSource;
  readonly sync: AvSync;
}

export interface RoomMixerOutput {
  event(event: MediaEvent): void;
  frame(frame: MediaFrame): void;
}

/** Whether the room's own canvas has it all; what is larger, or of another shape, is drawn anew. */
function fitsInto({ own }: WatchedVideo, { width, height }: MixSettings): boolean {
  if (!own) return true;
  const sameShape = Math.abs(own.width / own.height - width / height) < 0.01;
  return sameShape && own.width <= width && own.height <= height;
}

function addCounters(total: Map<string, number>, counters: MediaCounters): void {
  for (const [name, value] of Object.entries(counters)) {
    total.set(name, (total.get(name) ?? 0) + value);
  }
}

export class RoomMixer {
  private readonly sources = new Map<SourceId, Source>();
  private readonly images = new RoomImages();
  /** What everybody receives. */
  private readonly canvas: Canvas;
  /** Those of other sizes that somebody wants, by their size. */
  private readonly ownCanvases = new Map<string, Canvas>();
  private overlaySettings: OverlaySettings = {};
  private readonly dominant = new DominantSpeaker<SourceId>();
  private layout: LayoutState = { mode: 'grid', pinned: [] };
  private readonly mixer: AudioMixer;
  private readonly videoTicker: Ticker;
  private readonly audioTicker: Ticker;
  private readonly counts = new Map<string, number>();
  private readonly stages = new StageTimes();
  private readonly load: TickLoad;
  private watched: readonly WatchedVideo[] = [];
  private listened = false;
  private speakingKey = '';
  private layoutTold = '';
  private closed = false;

  constructor(
    private readonly settings: MixSettings,
    private readonly output: RoomMixerOutput,
  ) {
    this.canvas = this.openCanvas(settings);
    const failed = (error: unknown) => this.fail(error);
    this.mixer = new AudioMixer(settings, failed);
    this.load = new TickLoad(settings, (steps) => this.bend(steps));
    this.videoTicker = new Ticker(
      1_000_000 / settings.frameRate,
      MAX_VIDEO_BEHIND,
      nowMicros,
      (due) => this.videoTick(due),
      failed,
    );
    this.audioTicker = new Ticker(
      AUDIO_INTERVAL,
      MAX_AUDIO_BEHIND,
      nowMicros,
      (due) => this.audioTick(due),
      failed,
    );
  }

  async start(): Promise<void> {
    await this.mixer.start();
    if (this.closed) return;
    this.audioTicker.start();
    this.videoTicker.start();
  }

  command(
    command: Exclude<MediaCommand, { type: 'configure' | 'sanitize' | 'probe' | 'close' }>,
  ): void {
    if (command.type === 'sources') this.setSources(command.sources);
    else if (command.type === 'arrange') this.layout = command.layout;
    else if (command.type === 'announce') {
      announcement(command.text, command.how)
        .then((pcm) => this.mixer.announce(pcm))
        .catch((error: unknown) => this.fail(error));
    } else if (command.type === 'overlays') {
      this.overlaySettings = command.overlays;
      for (const canvas of this.canvases) canvas.setOverlays(command.overlays);
    } else if (command.type === 'image') {
      const { name, data } = command;
      const bytes = data === undefined ? undefined : Buffer.from(data, 'base64');
      this.images.set(name, bytes).catch((error: unknown) => this.fail(error));
    } else if (command.type === 'load') {
      this.load.setFloor(command.floor);
    } else if (command.type === 'keyframe') {
      for (const canvas of this.canvases) canvas.requestKeyframe(command, command.urgent);
    } else {
      const begins = this.watched.length === 0 && command.videos.length > 0;
      this.watched = command.videos;
      this.listened = command.audio;
      this.mixer.setLowRateListeners(command.lowAudio);
      if (begins) this.restartVideo();
    }
  }

  frame(frame: VideoInFrame | AudioInFrame): void {
    if (frame.kind === 'audio-in') {
      this.mixer.push(frame);
      return;
    }
    const source = this.sources.get(frame.source);
    const shown = source?.state.videoOn && source.tiled && this.watched.length > 0;
    if (shown) source.video.push(frame);
    else this.count('video_frames_not_shown');
  }

  stats(): Record<string, number> {
    const total = new Map(this.counts);
    for (const canvas of this.canvases) {
      for (const counters of canvas.counters()) addCounters(total, counters);
    }
    return {
      ...Object.fromEntries(total),
      ...this.mixer.counts(),
      ...this.load.counters,
      decoder_queue_frames: [...this.sources.values()].reduce(
        (n, { video }) => n + video.queued,
        0,
      ),
      video_ticks_skipped: this.videoTicker.skipped,
      audio_ticks_skipped: this.audioTicker.skipped,
    };
  }

  get stageTimes(): StageHistograms {
    return this.stages.histograms;
  }

  /** Counters by source. */
  sourceStats(): Record<SourceId, MediaCounters> {
    return Object.fromEntries(
      [...this.sources.keys()].map((id) => [id, this.mixer.sourceCounts(id)]),
    );
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await Promise.all([this.videoTicker.stop(), this.audioTicker.stop()]);
    await Promise.all([...this.sources.values()].map(({ video }) => video.close()));
    this.mixer.close();
    for (const canvas of this.canvases) canvas.dispose();
  }

  /** Nobody watched and nothing was decoded: every camera has to begin anew. */
  private restartVideo(): void {
    for (const [id, source] of this.sources) this.restartSource(id, source);
  }

  private restartSource(id: SourceId, { video }: Source): void {
    video.clear();
    this.output.event({ type: 'keyframe-needed', source: id });
  }

  private setSources(states: readonly SourceState[]): void {
    const ids = new Set(states.map(({ id }) => id));
    for (const [id, source] of this.sources) {
      if (ids.has(id)) continue;
      this.sources.delete(id);
      this.mixer.removeSource(id);
      source.video.close().catch((error: unknown) => this.fail(error));
    }
    // Rebuilt in the order given: new ones take their places in it.
    for (const state of states) {
      const source = this.sources.get(state.id) ?? this.addSource(state);
      this.sources.delete(state.id);
      this.sources.set(state.id, source);
      if (source.state.videoOn && !state.videoOn) source.video.clear();
      const wasVisible = source.state.visible;
      source.state = state;
      if (state.visible && !wasVisible) this.openSound(state);
      else if (wasVisible && !state.visible) this.mixer.removeSource(state.id);
      this.mixer.setState(state.id, state);
    }
  }

  private openSound(opened: SourceState): void {
    const { id } = opened;
    this.mixer
      .addSource(id, opened)
      .then(() => {
        const state = this.sources.get(id)?.state;
        if (state?.visible) this.mixer.setState(id, state);
        else this.mixer.removeSource(id);
      })
      .catch((error: unknown) => this.fail(error));
  }

  private addSource(state: SourceState): Source {
    const sync = new AvSync();
    const { id } = state;
    if (state.visible) this.openSound(state);
    const video = new VideoSource(
      {
        keyframeNeeded: () => this.output.event({ type: 'keyframe-needed', source: id }),
        corrupt: () => this.output.event({ type: 'corrupt', source: id, media: 'video' }),
        count: (name) => this.count(name),
        took: (stage, micros) => this.stages.observe(stage, micros),
      },
      nowMicros,
      (capture, now) => sync.videoDue(capture, now),
    );
    return { state, tiled: state.visible, video, sync };
  }

  private get canvases(): Canvas[] {
    return [this.canvas, ...this.ownCanvases.values()];
  }

  private openCanvas(settings: MixSettings): Canvas {
    const canvas = new Canvas(settings, this.images, {
      frame: (frame) => this.output.frame(frame),
      count: (name, by) => this.count(name, by),
      encoded: (micros) => this.stages.observe('encode', micros),
    });
    canvas.setOverlays(this.overlaySettings);
    return canvas;
  }

  private async videoTick(due: Micros): Promise<void> {
    await this.openAndCloseCanvases();
    if (!this.canvases.some(({ watched }) => watched)) {
      this.measure(due);
      return;
    }
    this.arrange(due);
    const tiles = this.widestTiles();
    const contents = [...this.sources]
      .filter(([, { tiled }]) => tiled)
      .map(([id, source]) => this.contentOf(id, source, tiles.get(id), due));
    try {
      this.count('video_ticks');
      for (const canvas of this.canvases) {
        const start = nowMicros();
        const { tiles: drawn, changed } = await canvas.draw(
          contents,
          this.layout,
          this.load.maxTiles,
        );
        const took = nowMicros() - start;
        this.load.drew(drawn, took);
        if (changed) this.stages.observe('compose', took);
        if (canvas === this.canvas) this.tellLayout(due);
        await canvas.encode(due, changed);
      }
    } finally {
      for (const { picture } of contents) picture?.[Symbol.dispose]();
      this.measure(due);
    }
  }

  private measure(due: Micros): void {
    const now = nowMicros();
    const backlogs = [...this.sources.values()].map(({ video }) => video.backlog);
    this.load.ticked(now - due, Math.max(0, ...backlogs), now);
  }

  /** The picture gives way more or less than before. */
  private bend(steps: readonly LoadStep[]): void {
    this.videoTicker.setInterval(1_000_000 / this.load.frameRate);
    this.output.event({ type: 'load', steps });
  }

  /** The widest tile of each source, over all canvases. */
  private widestTiles(): ReadonlyMap<SourceId, FrameSize> {
    const widest = new Map<SourceId, FrameSize>();
    for (const { source, rect } of this.canvases.flatMap(({ layout }) => layout)) {
      if (rect.width > (widest.get(source)?.width ?? 0)) widest.set(source, rect);
    }
    return widest;
  }

  /**
   * What a source's tiles show; the picture is the caller's.
   * @param tile the widest of them.
   */
  private contentOf(
    id: SourceId,
    { state, video }: Source,
    tile: FrameSize | undefined,
    due: Micros,
  ): TileContent {
    const isScreen = state.kind === 'screen';
    // A screen on which nothing moves sends nothing.
    const fresh = isScreen || due - video.lastPictureAt < STALE_PICTURE;
    const speaking = this.mixer.speakers.has(id);
    const seldom = !isScreen && !speaking && this.dominant.current !== id;
    const interval = seldom ? this.load.listenerInterval : 0;
    video.setShown(tile, Math.max(interval, 1_000_000 / this.load.frameRate));
    const picture = state.videoOn && fresh ? video.pictureAt(due, interval) : undefined;
    return {
      id,
      label: { name: state.name, muted: !state.audioOn, trouble: state.trouble, screen: isScreen },
      speaking,
      // Shared, because the source may free its own while the tile is being drawn.
      picture: picture?.share(),
      generation: video.generation,
      avatar: this.images.get(state.avatar),
    };
  }

  /** Says who has a tile; whoever gets one begins with a keyframe. */
  private arrange(now: Micros): void {
    const sources = [...this.sources.values()]
      .filter(({ state }) => state.visible)
      .map(({ state }) => state);
    const input = { sources, dominant: this.dominant.current, layout: this.layout, now };
    const placed = new Set(
      this.canvases.flatMap((canvas) => canvas.plan(input).map(({ source }) => source)),
    );
    for (const [id, source] of this.sources) {
      const tiled = placed.has(id);
      if (tiled && !source.tiled) this.restartSource(id, source);
      source.tiled = tiled;
    }
  }

  /** Where tiles are going, and how their pictures fill them. */
  private tellLayout(ptsMicros: Micros): void {
    const { canvas } = this;
    const key = canvas.layoutKey;
    if (key === this.layoutTold) return;
    this.layoutTold = key;
    const tiles = canvas.layout.map(({ source, rect, role, z }: Placement) => ({
      source,
      ...rect,
      role,
      z,
      fit: canvas.fitOf(source),
    }));
    const middle = this.settings.width / 2;
    for (const { source, x, width } of tiles) {
      this.mixer.place(source, (x + width / 2 - middle) / middle);
    }
    this.output.event({ type: 'layout', tiles, ptsMicros });
  }

  private async openAndCloseCanvases(): Promise<void> {
    const bySize = new Map<string, WatchedVideo[]>();
    const shared: WatchedVideo[] = [];
    for (const video of this.watched) {
      const { own } = video;
      if (!own || fitsInto(video, this.settings)) {
        shared.push(video);
        continue;
      }
      const size = `${own.width}x${own.height}`;
      bySize.set(size, [...(bySize.get(size) ?? []), video]);
      if (this.ownCanvases.has(size)) continue;
      const { width, height } = own;
      this.ownCanvases.set(size, this.openCanvas({ ...this.settings, width, height }));
    }
    await this.canvas.watch(shared);
    for (const [size, canvas] of this.ownCanvases) {
      await canvas.watch(bySize.get(size) ?? []);
      if (canvas.watched) continue;
      this.ownCanvases.delete(size);
      canvas.dispose();
    }
  }

  private audioTick(due: Micros): void {
    if (!this.listened) return;
    const start = nowMicros();
    const packets = this.mixer.tick();
    this.stages.observe('mix', nowMicros() - start);
    for (const [id, { sync }] of this.sources) {
      const jitter = this.mixer.jitterBuffer(id);
      if (!jitter) continue;
      sync.audioMixed(jitter.lastCaptureMicros, due + AUDIO_INTERVAL);
      jitter.extraDelayMicros = sync.audioHold;
    }
    packets.forEach(({ data, ...packet }, index) => {
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const last = index === packets.length - 1;
      const ptsMicros = packet.low ? due - (LOW_RATE_TICKS - 1) * AUDIO_INTERVAL : due;
      this.output.frame({ kind: 'audio-out', ...packet, ptsMicros, last, data: bytes });
    });
    this.followDominant();
    const speaking = [...this.mixer.speakers];
    if (speaking.join() !== this.speakingKey) {
      this.speakingKey = speaking.join();
      this.output.event({ type: 'speaking', sources: speaking });
    }
  }

  private followDominant(): void {
    const before = this.dominant.current;
    const levels = [...this.mixer.levels].map(([id, dbfs]) => [id, audioLevel(dbfs)] as const);
    const source = this.dominant.update(new Map(levels));
    if (source !== before) this.output.event({ type: 'dominant', source });
  }

  private count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  /** A stage threw: a bug or no memory. The server replaces this process. */
  private fail(error: unknown): void {
    this.output.event({
      type: 'failed',
      message: error instanceof Error ? error.message : String(error),
    });
  }
}

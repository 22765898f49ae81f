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
import { nowMicros } from '../shared/clock.js';
import { Ticker } from '../shared/ticker.js';
import type { Micros } from '../shared/units.js';
import { AudioMixer } from './audio-mixer.js';
import { AvSync } from './av-sync.js';
import { Backdrop } from './backdrop.js';
import { CompositeEncoder } from './composite-encoder.js';
import { Compositor } from './compositor.js';
import { audioLevel, DominantSpeaker } from './dominant-speaker.js';
import type { VideoContent } from './ffmpeg/video-encoder.js';
import { LayoutPlanner, type Placement } from './layout-planner.js';
import { LOW_RATE_TICKS } from './low-rate-mix.js';
import { RoomImages } from './room-images.js';
import { RoomOverlays } from './room-overlays.js';
import type { TileContent } from './tile.js';
import { TileTransitions } from './tile-transitions.js';
import { VideoSource } from './video-source.js';

/** Space between tiles and around them, in pixels. */
const GAP = 8;
const AUDIO_INTERVAL: Micros = 20_000;
/** A camera that sends nothing for so long shows the placeholder in place of its last picture. */
const STALE_PICTURE: Micros = 3_000_000;
/** Pictures made up for when a tick is late: none. Sound: all of a tenth of a second. */
const MAX_VIDEO_BEHIND = 1;
const MAX_AUDIO_BEHIND = 10;

/** Share of the canvas from which on a screen counts for the encoder, and for how long it must. */
const LARGE_SCREEN = 0.3;
const CONTENT_HOLD: Micros = 1_000_000;

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

function encoderKey({ codec, rendition }: WatchedVideo): string {
  return `${codec}/${rendition}`;
}

function addCounters(total: Map<string, number>, counters: MediaCounters): void {
  for (const [name, value] of Object.entries(counters)) {
    total.set(name, (total.get(name) ?? 0) + value);
  }
}

export class RoomMixer {
  private readonly sources = new Map<SourceId, Source>();
  /** By codec and rendition; see {@link encoderKey}. */
  private readonly encoders = new Map<string, CompositeEncoder>();
  private readonly compositor: Compositor;
  private readonly images = new RoomImages();
  private readonly overlays: RoomOverlays;
  private readonly backdrop: Backdrop;
  private readonly planner: LayoutPlanner;
  private readonly transitions = new TileTransitions();
  private readonly dominant = new DominantSpeaker<SourceId>();
  private layout: LayoutState = { mode: 'grid', pinned: [] };
  private readonly mixer: AudioMixer;
  private readonly videoTicker: Ticker;
  private readonly audioTicker: Ticker;
  private readonly counts = new Map<string, number>();
  private watched: readonly WatchedVideo[] = [];
  private listened = false;
  private speakingKey = '';
  private layoutTold = '';
  /** What most of the picture is, and when it was so last. */
  private content: VideoContent = 'camera';
  private contentSince: Micros = 0;
  private closed = false;

  constructor(
    private readonly settings: MixSettings,
    private readonly output: RoomMixerOutput,
  ) {
    this.compositor = new Compositor(settings);
    this.overlays = new RoomOverlays(settings, this.images);
    this.backdrop = new Backdrop(settings, this.images);
    this.planner = new LayoutPlanner({ ...settings, gap: GAP });
    const failed = (error: unknown) => this.fail(error);
    this.mixer = new AudioMixer(settings, failed);
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
    else if (command.type === 'overlays') this.overlays.set(command.overlays);
    else if (command.type === 'image') {
      const { name, data } = command;
      const bytes = data === undefined ? undefined : Buffer.from(data, 'base64');
      this.images.set(name, bytes).catch((error: unknown) => this.fail(error));
    } else if (command.type === 'keyframe')
      this.encoders.get(encoderKey(command))?.requestKeyframe(command.urgent);
    else {
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
    for (const { counters } of this.encoders.values()) addCounters(total, counters);
    return {
      ...Object.fromEntries(total),
      ...this.mixer.counts(),
      video_ticks_skipped: this.videoTicker.skipped,
      audio_ticks_skipped: this.audioTicker.skipped,
    };
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
    for (const encoder of this.encoders.values()) encoder.dispose();
    this.mixer.close();
    this.compositor.dispose();
    this.backdrop.dispose();
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
      },
      nowMicros,
      (capture, now) => sync.videoDue(capture, now),
    );
    return { state, tiled: state.visible, video, sync };
  }

  private async videoTick(due: Micros): Promise<void> {
    await this.openAndCloseEncoders();
    if (this.encoders.size === 0) return;
    const targets = this.arrange(due);
    const placements = this.transitions.update(targets, due);
    const contents: TileContent[] = [];
    for (const [id, { state, tiled, video }] of this.sources) {
      if (!tiled) continue;
      const isScreen = state.kind === 'screen';
      // A screen on which nothing moves sends nothing.
      const fresh = isScreen || due - video.lastPictureAt < STALE_PICTURE;
      const picture = state.videoOn && fresh ? video.pictureAt(due) : undefined;
      // Shared, because the source may free its own while the tile is being drawn.
      const held = picture?.share();
      contents.push({
        id,
        label: {
          name: state.name,
          muted: !state.audioOn,
          trouble: state.trouble,
          screen: isScreen,
        },
        speaking: this.mixer.speakers.has(id),
        picture: held,
        generation: video.generation,
        avatar: this.images.get(state.avatar),
      });
    }
    let changed: boolean;
    try {
      const { mode, custom } = this.layout;
      this.compositor.setBackdrop(await this.backdrop.of(mode === 'custom' ? custom : undefined));
      this.compositor.setOverlays(this.overlays.at(Date.now()));
      changed = await this.compositor.draw(contents, placements);
    } finally {
      for (const { picture } of contents) picture?.[Symbol.dispose]();
    }
    this.count('video_ticks');
    this.tellLayout(targets, due);
    this.followContent(targets, due);
    await Promise.all(
      [...this.encoders.values()].map(async (encoder) => {
        await encoder.setContent(this.content);
        const { codec, rendition } = encoder.watched;
        for (const encoded of await encoder.encode(this.compositor.picture, due, changed)) {
          this.count(`video_encodes_${codec}`);
          this.count(`video_encodes_${codec}_${rendition}`);
          if (encoded.keyframe) this.count(`video_keyframes_${codec}`);
          this.count(`video_bytes_${codec}_${rendition}`, encoded.data.length);
          this.output.frame({ kind: 'video-out', codec, rendition, ptsMicros: due, ...encoded });
        }
      }),
    );
  }

  /** Says who has a tile and where; whoever gets one begins with a keyframe. */
  private arrange(now: Micros): Placement[] {
    const sources = [...this.sources.values()]
      .filter(({ state }) => state.visible)
      .map(({ state }) => state);
    const { layout, dominant } = this;
    const placements = this.planner.plan({ sources, dominant: dominant.current, layout, now });
    const placed = new Set(placements.map(({ source }) => source));
    for (const [id, source] of this.sources) {
      const tiled = placed.has(id);
      if (tiled && !source.tiled) this.restartSource(id, source);
      source.tiled = tiled;
    }
    return placements;
  }

  /** Text is encoded otherwise than faces, once a screen has been large for a while. */
  private followContent(targets: readonly Placement[], now: Micros): void {
    const { width, height } = this.settings;
    const screens = targets.filter(({ role }) => role === 'screen');
    const area = screens.reduce((sum, { rect }) => sum + rect.width * rect.height, 0);
    const content = area > LARGE_SCREEN * width * height ? 'screen' : 'camera';
    if (content === this.content) this.contentSince = now;
    else if (now - this.contentSince >= CONTENT_HOLD) this.content = content;
  }

  /** Where tiles are going, and how their pictures fill them. */
  private tellLayout(targets: readonly Placement[], ptsMicros: Micros): void {
    const fits = targets.map(({ source }) => this.compositor.fitOf(source) ?? this.settings.fit);
    const key = `${this.transitions.generation} ${fits}`;
    if (key === this.layoutTold) return;
    this.layoutTold = key;
    const tiles = targets.map(({ source, rect, role, z }, index) => ({
      source,
      ...rect,
      role,
      z,
      fit: fits[index] ?? this.settings.fit,
    }));
    const middle = this.settings.width / 2;
    for (const { source, x, width } of tiles) {
      this.mixer.place(source, (x + width / 2 - middle) / middle);
    }
    this.output.event({ type: 'layout', tiles, ptsMicros });
  }

  private async openAndCloseEncoders(): Promise<void> {
    const wanted = new Set(this.watched.map(encoderKey));
    for (const [key, encoder] of this.encoders) {
      if (wanted.has(key)) continue;
      this.encoders.delete(key);
      addCounters(this.counts, encoder.counters);
      encoder.dispose();
    }
    for (const watched of this.watched) {
      const key = encoderKey(watched);
      const rendition = watched.own ?? this.settings.renditions[watched.rendition];
      if (this.encoders.has(key) || !rendition) continue;
      const encoder = await CompositeEncoder.open(watched, rendition, this.settings);
      if (encoder.fallback !== undefined) this.count('video_hardware_fallbacks');
      this.encoders.set(key, encoder);
    }
  }

  private audioTick(due: Micros): void {
    if (!this.listened) return;
    const packets = this.mixer.tick();
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

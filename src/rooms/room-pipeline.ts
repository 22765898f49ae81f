/**
 * THE data path of a room, top to bottom:
 *
 *   client ─▶ PeerTransport ─▶ PeerReceiver ─▶ [ link ] ─▶ media process: decode, compose, mix, encode
 *   client ◀─ PeerTransport ◀─ OutboundStream ◀─ packetize once ◀─ [ link ] ◀─┘
 *
 * Frames of sources go in with `receive`. Encoded frames come back in `send` and go to the outputs
 * that demand them. A media process that replaces a dead one is sent all that the room set before.
 */
import type { FaultReport } from '../link/fault-stages.js';
import type {
  AudioInFrame,
  AudioOutFrame,
  LayoutState,
  MediaEvent,
  MediaFrame,
  MixSettings,
  SourceId,
  TilePlace,
  VideoInFrame,
  VideoOutFrame,
  WatchedVideo,
} from '../link/link-messages.js';
import type { LoadStep } from '../link/load-steps.js';
import type { MediaSnapshot, SourceSnapshot } from '../link/media-counters.js';
import type { Logger } from '../logger.js';
import type { OverlaySettings } from '../protocol/overlay-settings.js';
import { nowMicros } from '../util/clock.js';
import { addHistograms, type StageHistograms, StageTimes } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import { CompositePacketizer, LazyPackets } from './composite-packetizer.js';
import { FULL_MIX, type MediaOutput } from './media-output.js';
import { MediaProcessSupervisor, type ProcessSource } from './media-process-supervisor.js';
import type { MediaSource } from './media-source.js';
import { type OutputRoute, OutputRoutes } from './output-routes.js';
import { RecentAudio } from './recent-audio.js';
import type { PipelineCounters } from './room-counters.js';
import { SourceQuarantine } from './source-quarantine.js';
import { watchKey, watchSet } from './watch-set.js';

export interface RoomPipelineEvents {
  onSpeaking(sources: readonly SourceId[]): void;
  /** Another source is dominant; undefined if the dominant one left. */
  onDominant(source: SourceId | undefined): void;
  /** The tiles moved, from the composite of this time on. */
  onLayout(tiles: readonly TilePlace[], ptsMicros: Micros): void;
  onCorrupt(source: SourceId, media: 'audio' | 'video'): void;
  /** The media process caught an error about a source, or about the room. */
  onFault(report: FaultReport): void;
  /** All sources of which less is decoded than they send. */
  onOverBudget(sources: readonly SourceId[]): void;
  /** A source that had errors has none any more. */
  onRecovered(source: SourceId): void;
  /** These sources are not decoded at present, because they may crash the decoder. */
  onQuarantined(sources: ReadonlySet<SourceId>): void;
  /** The source is not decoded for a time: it crashed a decoder twice. */
  onHeld(source: SourceId): void;
  /** A new media process runs. */
  onRestarted(): void;
  /** The steps by which the composite is reduced changed. */
  onLoad(steps: readonly LoadStep[]): void;
}

export class RoomPipeline {
  /** Times of the stages on this side of the link. */
  readonly stages = new StageTimes();
  private readonly media: MediaProcessSupervisor;
  private readonly quarantine: SourceQuarantine;
  private readonly recentAudio = new RecentAudio();
  private readonly outputs = new OutputRoutes();
  private readonly packets = new LazyPackets(new CompositePacketizer());
  private sources: readonly MediaSource[] = [];
  /** Sources that have a mix of their own: the others hear the full mix. */
  private mixed: ReadonlySet<SourceId> = new Set();
  /** Of the watch set that the media process was sent last. */
  private watchKey = '';
  private steps: readonly LoadStep[] = [];
  private loadFloor = 0;
  /** The mixes of the current tick, by the source that they leave out. */
  private readonly audioTick = new Map<SourceId, AudioOutFrame>();
  private readonly lowAudioTick = new Map<SourceId, AudioOutFrame>();
  private framesDropped = 0;

  constructor(
    private readonly settings: MixSettings,
    pool: ProcessSource,
    private readonly logger: Logger,
    private readonly events: RoomPipelineEvents,
  ) {
    this.media = new MediaProcessSupervisor(pool, logger, {
      onStarted: () => this.started(),
      onEvent: (event) => this.handle(event),
      onFrame: (frame) => this.send(frame),
      onDied: (suspects) => {
        this.quarantine.crashed(suspects);
        this.audioTick.clear();
        this.lowAudioTick.clear();
      },
    });
    this.quarantine = new SourceQuarantine(
      settings,
      pool,
      logger,
      {
        onChanged: (apart) => {
          this.setSources(this.sources);
          events.onQuarantined(apart);
        },
        onHeld: (source) => events.onHeld(source),
        keyframeNeeded: (source) => this.requestSourceKeyframe(source),
      },
      nowMicros,
    );
    this.media.keep('configure', { type: 'configure', settings });
  }

  get counters(): PipelineCounters {
    return { ...this.media.counters, link_frames_dropped: this.framesDropped };
  }

  /** The latest report of the media process; undefined while there is none. */
  get mediaSnapshot(): MediaSnapshot | undefined {
    return this.media.process?.snapshot;
  }

  /** Times of the stages on both sides of the link. */
  get stageTimes(): StageHistograms {
    return addHistograms(this.stages.histograms, this.mediaSnapshot?.stages ?? {});
  }

  /** What the media process counted of one source. */
  sourceCounters(source: SourceId): Partial<SourceSnapshot> {
    return this.mediaSnapshot?.sources[source] ?? {};
  }

  get mediaPid(): number | undefined {
    return this.media.process?.pid;
  }

  /** Bytes that wait on the link to the media process. */
  get queuedBytes(): number {
    return this.media.process?.queuedBytes ?? 0;
  }

  /** Steps by which the composite is reduced because the CPU is short. */
  get loadSteps(): readonly LoadStep[] {
    return this.steps;
  }

  /** Starts the media process; resolves when it runs. @throws Error if none can be started. */
  start(): Promise<void> {
    return this.media.start();
  }

  async close(): Promise<void> {
    await Promise.all([this.media.close(), this.quarantine.close()]);
  }

  /** Called every few tens of milliseconds. */
  tick(now: Micros): void {
    this.quarantine.tick(now);
  }

  /** Tries a quarantined source again. @returns whether it was in quarantine. */
  liftQuarantine(source: SourceId): boolean {
    return this.quarantine.lift(source);
  }

  /** The room's sources in order of joining: call it when one comes, goes or changes its state. */
  setSources(sources: readonly MediaSource[]): void {
    this.sources = sources;
    const own = sources.map(({ state }) => state);
    this.recentAudio.keepOnly(new Set(own.map(({ id }) => id)));
    this.quarantine.setSources(own);
    const states = own.map((state) => this.quarantine.stateOf(state));
    this.mixed = new Set(states.filter(({ visible }) => visible).map(({ id }) => id));
    this.media.send({ type: 'sources', sources: states });
    this.watch();
  }

  addOutput(output: MediaOutput): void {
    this.outputs.add(output);
    this.watch();
  }

  removeOutput(output: MediaOutput): void {
    if (this.outputs.remove(output)) this.watch();
  }

  /** The output demands something else than before. */
  demandChanged(output: MediaOutput): void {
    if (this.outputs.update(output)) this.watch();
  }

  arrange(layout: LayoutState): void {
    this.media.keep('arrange', { type: 'arrange', layout });
  }

  setOverlays(overlays: OverlaySettings): void {
    this.media.keep('overlays', { type: 'overlays', overlays });
  }

  /** @param data in base64; undefined removes the image. */
  setImage(name: string, data: string | undefined): void {
    const key = `image/${name}`;
    if (data !== undefined) this.media.keep(key, { type: 'image', name, data });
    else {
      this.media.forget(key);
      this.media.send({ type: 'image', name });
    }
  }

  /** The server is short of CPU: the room takes at least this many load steps. */
  setLoadFloor(floor: number): void {
    if (floor === this.loadFloor) return;
    this.loadFloor = floor;
    this.media.keep('load', { type: 'load', floor });
  }

  /** Everybody hears that the recording begins or ends. */
  announce(text: 'started' | 'stopped', how: 'tone' | 'voice'): void {
    this.media.send({ type: 'announce', text, how });
  }

  /** Of an encode of the composite. @param urgent for an output that has no picture yet. */
  requestKeyframe(video: WatchedVideo, urgent: boolean): void {
    this.media.send({ type: 'keyframe', urgent, ...video });
  }

  /** Of what a source sends. */
  requestSourceKeyframe(id: SourceId): void {
    this.sources.find((source) => source.id === id)?.requestKeyframe();
  }

  /** In: a frame of a source on its way to the decoder. */
  receive(frame: VideoInFrame | AudioInFrame): void {
    for (const { output } of this.outputs.takingSources) this.give(output, frame, 0);
    if (frame.kind === 'audio-in') this.recentAudio.add(frame);
    else if (this.quarantine.takes(frame)) return;
    const { process } = this.media;
    if (process && !process.sendFrame(frame)) this.framesDropped++;
  }

  /** Out: a frame from an encoder on its way to the outputs. */
  private send(frame: MediaFrame): void {
    if (frame.kind === 'video-out') this.sendVideo(frame);
    else if (frame.kind === 'audio-out') this.sendAudio(frame);
  }

  /** Packetized once for all receivers of the encode. */
  private sendVideo(frame: VideoOutFrame): void {
    const now = nowMicros();
    this.packets.use(frame);
    for (const { output } of this.outputs.receivers(frame)) this.give(output, frame, now);
    if (this.packets.wereRead) this.stages.observe('send', nowMicros() - frame.encodedMicros);
  }

  /** Collects the mixes of one tick, then gives each output its own. */
  private sendAudio(frame: AudioOutFrame): void {
    (frame.low ? this.lowAudioTick : this.audioTick).set(frame.source, frame);
    if (!frame.last) return;
    const now = nowMicros();
    for (const route of this.outputs.hearing) {
      this.giveMix(route, this.audioTick, now);
      // Read now: an output may have switched to the low bitrate with the frame above.
      if (route.demand.lowAudio) this.giveMix(route, this.lowAudioTick, now);
    }
    this.audioTick.clear();
    this.lowAudioTick.clear();
  }

  private giveMix(
    { output, demand }: OutputRoute,
    tick: ReadonlyMap<SourceId, AudioOutFrame>,
    now: Micros,
  ): void {
    const frame = tick.get(demand.mix) ?? tick.get(FULL_MIX);
    if (frame) this.give(output, frame, now);
  }

  /** Calls an output. A fault in it ends this output; nobody else notices. */
  private give(output: MediaOutput, frame: MediaFrame, now: Micros): void {
    try {
      if (frame.kind === 'video-out') output.onVideo(frame, this.packets, now);
      else if (frame.kind === 'audio-out') output.onAudio(frame, now);
      else output.onSource?.(frame);
    } catch (error) {
      if (!this.outputs.remove(output)) return;
      this.logger.error({ error, output: output.name }, 'an output broke');
      this.watch();
      output.onFault(error);
    }
  }

  /** Has the media process encode what outputs demand, and nothing else. */
  private watch(): void {
    const watched = watchSet(this.outputs.demands, this.mixed);
    const key = watchKey(watched);
    if (key === this.watchKey) return;
    this.watchKey = key;
    this.media.send(watched);
  }

  /** A new media process runs: it has no source, no output and no picture yet. */
  private started(): void {
    this.setSteps([]);
    this.events.onRestarted();
    this.watchKey = '';
    this.setSources(this.sources);
    for (const source of this.sources) source.requestKeyframe();
    for (const frame of this.recentAudio.since(nowMicros())) this.media.process?.sendFrame(frame);
  }

  private handle(event: MediaEvent): void {
    switch (event.type) {
      case 'keyframe-needed':
        this.requestSourceKeyframe(event.source);
        break;
      case 'layout':
        this.showSources(event.tiles);
        this.events.onLayout(event.tiles, event.ptsMicros);
        break;
      case 'dominant':
        this.events.onDominant(event.source);
        break;
      case 'speaking':
        this.events.onSpeaking(event.sources);
        break;
      case 'load':
        this.setSteps(event.steps);
        break;
      case 'fault':
        this.events.onFault(event);
        break;
      case 'over-budget':
        this.events.onOverBudget(event.sources);
        break;
      case 'recovered':
        this.events.onRecovered(event.source);
        break;
      case 'corrupt':
        this.events.onCorrupt(event.source, event.media);
        break;
      default:
        break;
    }
  }

  private setSteps(steps: readonly LoadStep[]): void {
    if (steps.join() === this.steps.join()) return;
    this.steps = steps;
    this.events.onLoad(steps);
  }

  /** Tells each source how large it is shown, in the largest composite that an output receives. */
  private showSources(tiles: readonly TilePlace[]): void {
    const factor = Math.max(1, this.outputs.ownWidth / this.settings.width);
    for (const source of this.sources) {
      const tile = tiles.find((one) => one.source === source.id);
      source.shownAt?.(tile && { width: tile.width * factor, height: tile.height * factor });
    }
  }
}

/**
 * THE data path of a room, top to bottom:
 *
 *   client ─▶ PeerTransport ─▶ PeerReceiver ─▶ [ link ] ─▶ media process: decode, compose, mix, encode
 *   client ◀─ PeerTransport ◀─ OutboundStream ◀─ packetize once ◀─ [ link ] ◀─┘
 *
 * and the life of the room's media process: replaced when it dies, without the clients noticing more
 * than a short freeze, since sequence numbers and timestamps are kept on this side.
 */

import type {
  AudioInFrame,
  AudioOutFrame,
  LayoutState,
  MediaCounters,
  MediaEvent,
  MediaFrame,
  MixSettings,
  SourceId,
  SourceState,
  TilePlace,
  VideoInFrame,
  VideoOutFrame,
  WatchedVideo,
} from '../link/link-messages.js';
import type { LoadStep } from '../link/load-steps.js';
import type { Logger } from '../logger.js';
import type { OverlaySettings } from '../protocol/overlay-settings.js';
import { nowMicros } from '../util/clock.js';
import { addHistograms, type StageHistograms, StageTimes } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import { CompositePacketizer, LazyPackets } from './composite-packetizer.js';
import { FULL_MIX, type MediaOutput } from './media-output.js';
import type { MediaPool } from './media-pool.js';
import type { MediaProcess } from './media-process.js';
import { type OutputRoute, OutputRoutes } from './output-routes.js';
import type { Participant } from './participant.js';
import { watchKey, watchSet } from './watch-set.js';

/** Restarts in a row wait longer and longer, so that a stream that kills every process cannot spin. */
const FIRST_BACKOFF_MS = 0;
const MAX_BACKOFF_MS = 5000;
const CALM_MS = 30_000;

export interface RoomPipelineEvents {
  onSpeaking(sources: readonly SourceId[]): void;
  /** Somebody else leads the talk; undefined if they left. */
  onDominant(source: SourceId | undefined): void;
  /** The tiles are elsewhere than before, from the picture of that moment on. */
  onLayout(tiles: readonly TilePlace[], ptsMicros: Micros): void;
  onCorrupt(source: SourceId, media: 'audio' | 'video'): void;
  /** The picture gives way more or less than before. */
  onLoad(steps: readonly LoadStep[]): void;
}

export class RoomPipeline {
  readonly counters = { media_process_restarts: 0, link_frames_dropped: 0 };
  /** Of the stages on this side of the link. */
  readonly stages = new StageTimes();
  private process: MediaProcess | undefined;
  private participants: readonly Participant[] = [];
  private readonly outputs = new OutputRoutes();
  private readonly packets = new LazyPackets(new CompositePacketizer());
  private layout: LayoutState = { mode: 'grid', pinned: [] };
  private overlays: OverlaySettings = {};
  /** By name, those that were made harmless; in base64. */
  private readonly images = new Map<string, string>();
  private watchKey = '';
  /** Steps that the picture gives way by. */
  private bent: readonly LoadStep[] = [];
  private loadFloor = 0;
  /** Of one tick, by whose mix it is. */
  private audioTick = new Map<SourceId, AudioOutFrame>();
  private lowAudioTick = new Map<SourceId, AudioOutFrame>();
  private backoffMs = FIRST_BACKOFF_MS;
  private lastCrashAt = 0;
  private starting: Promise<void> | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly settings: MixSettings,
    private readonly pool: MediaPool,
    private readonly logger: Logger,
    private readonly events: RoomPipelineEvents,
  ) {}

  get mediaCounters(): MediaCounters {
    return this.process?.counters ?? {};
  }

  /** How long each stage takes. */
  get stageTimes(): StageHistograms {
    return addHistograms(this.stages.histograms, this.process?.stages ?? {});
  }

  /** What the media process made of one participant's media. */
  sourceCounters(source: SourceId): MediaCounters {
    return this.process?.sourceCounters[source] ?? {};
  }

  get mediaPid(): number | undefined {
    return this.process?.pid;
  }

  /** Starts the media process; resolves when it runs, rejects if none can be started. */
  start(): Promise<void> {
    this.starting ??= this.launch().finally(() => {
      this.starting = undefined;
    });
    return this.starting;
  }

  /** The room's participants changed, or something about them that the picture or sound shows. */
  update(participants: readonly Participant[]): void {
    this.participants = participants;
    this.process?.send({ type: 'sources', sources: participants.flatMap(sourceStatesOf) });
    this.watch();
  }

  arrange(layout: LayoutState): void {
    this.layout = layout;
    this.process?.send({ type: 'arrange', layout });
  }

  setOverlays(overlays: OverlaySettings): void {
    this.overlays = overlays;
    this.process?.send({ type: 'overlays', overlays });
  }

  /** On their way to the media process. */
  get queuedBytes(): number {
    return this.process?.queuedBytes ?? 0;
  }

  /** Steps that the picture gives way by. */
  get loadSteps(): readonly LoadStep[] {
    return this.bent;
  }

  /** The server has too much: so many steps at least. */
  setLoadFloor(floor: number): void {
    if (floor === this.loadFloor) return;
    this.loadFloor = floor;
    this.process?.send({ type: 'load', floor });
  }

  /** Everybody hears that the recording begins or ends. */
  announce(text: 'started' | 'stopped', how: 'tone' | 'voice'): void {
    this.process?.send({ type: 'announce', text, how });
  }

  /** @param data in base64; undefined forgets it. */
  setImage(name: string, data: string | undefined): void {
    if (data === undefined) this.images.delete(name);
    else this.images.set(name, data);
    this.process?.send({ type: 'image', name, ...(data === undefined ? {} : { data }) });
  }

  addOutput(output: MediaOutput): void {
    this.outputs.add(output);
    this.watch();
  }

  removeOutput(output: MediaOutput): void {
    if (this.outputs.remove(output)) this.watch();
  }

  /** An output demands something else than before. */
  demandChanged(output: MediaOutput): void {
    if (this.outputs.update(output)) this.watch();
  }

  /** Has the media process encode what outputs demand, and nothing else. */
  private watch(): void {
    const mixed = new Set(
      this.participants.filter(({ visible }) => visible).map(({ sourceId }) => sourceId),
    );
    const watched = watchSet(this.outputs.demands, mixed);
    const key = watchKey(watched);
    if (key === this.watchKey) return;
    this.watchKey = key;
    this.process?.send(watched);
  }

  /** @param urgent for somebody who has no picture yet. */
  requestKeyframe(video: WatchedVideo, urgent: boolean): void {
    this.process?.send({ type: 'keyframe', urgent, ...video });
  }

  /** How large each camera is shown, where it is largest. */
  private showCameras(tiles: readonly TilePlace[]): void {
    const factor = Math.max(1, this.outputs.ownWidth / this.settings.width);
    for (const participant of this.participants) {
      const tile = tiles.find(({ source }) => source === participant.sourceId);
      participant.showCameraAt(
        tile && { width: tile.width * factor, height: tile.height * factor },
      );
    }
  }

  /** Of what somebody sends. */
  requestSourceKeyframe(source: SourceId): void {
    for (const participant of this.participants) {
      const { sourceId, screenSourceId } = participant;
      if (sourceId === source) participant.requestKeyframe('camera', nowMicros());
      if (screenSourceId === source) participant.requestKeyframe('screen', nowMicros());
    }
  }

  /** A frame from a client on its way to the decoder. */
  receive(frame: VideoInFrame | AudioInFrame): void {
    for (const { output } of this.outputs.takingSources) this.give(output, frame, 0);
    if (!this.process) return;
    if (!this.process.sendFrame(frame)) this.counters.link_frames_dropped++;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.retryTimer) clearTimeout(this.retryTimer);
    const process = this.process;
    this.process = undefined;
    if (process) await this.pool.release(process);
  }

  private async launch(): Promise<void> {
    const process = await this.pool.acquire();
    if (this.closed) {
      await this.pool.release(process);
      return;
    }
    this.process = process;
    process.use({
      onEvent: (event) => this.handle(event),
      onFrame: (frame) => this.send(frame),
      onCrash: (reason) => this.crashed(process, reason),
    });
    process.send({ type: 'configure', settings: this.settings });
    process.send({ type: 'arrange', layout: this.layout });
    process.send({ type: 'overlays', overlays: this.overlays });
    for (const [name, data] of this.images) process.send({ type: 'image', name, data });
    process.send({ type: 'load', floor: this.loadFloor });
    this.bend([]);
    this.watchKey = '';
    this.update(this.participants);
    const now = nowMicros();
    for (const participant of this.participants) {
      participant.requestKeyframe('camera', now);
      participant.requestKeyframe('screen', now);
    }
  }

  private crashed(process: MediaProcess, reason: string): void {
    if (this.closed || this.process !== process) return;
    this.process = undefined;
    this.audioTick.clear();
    this.lowAudioTick.clear();
    this.counters.media_process_restarts++;
    this.logger.error({ reason, mediaPid: process.pid }, 'media process died; starting another');
    this.pool
      .release(process)
      .catch((error: unknown) => this.logger.error({ error }, 'release failed'));
    const calm = Date.now() - this.lastCrashAt > CALM_MS;
    this.lastCrashAt = Date.now();
    this.backoffMs = calm ? FIRST_BACKOFF_MS : Math.min(MAX_BACKOFF_MS, this.backoffMs * 2 + 100);
    this.relaunch();
  }

  private relaunch(): void {
    this.retryTimer = setTimeout(() => {
      this.start().catch((error: unknown) => {
        this.logger.error({ error }, 'cannot start a media process');
        this.backoffMs = Math.min(MAX_BACKOFF_MS, this.backoffMs * 2 + 500);
        if (!this.closed) this.relaunch();
      });
    }, this.backoffMs);
  }

  private handle(event: MediaEvent): void {
    switch (event.type) {
      case 'keyframe-needed':
        this.requestSourceKeyframe(event.source);
        break;
      case 'layout':
        this.showCameras(event.tiles);
        this.events.onLayout(event.tiles, event.ptsMicros);
        break;
      case 'dominant':
        this.events.onDominant(event.source);
        break;
      case 'speaking':
        this.events.onSpeaking(event.sources);
        break;
      case 'load':
        this.bend(event.steps);
        break;
      case 'corrupt':
        this.events.onCorrupt(event.source, event.media);
        break;
      default:
        break;
    }
  }

  private bend(steps: readonly LoadStep[]): void {
    if (steps.join() === this.bent.join()) return;
    this.bent = steps;
    this.events.onLoad(steps);
  }

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
}

/** Of a participant, and of their screen while they share it. */
function sourceStatesOf(participant: Participant): SourceState[] {
  const person: SourceState = {
    id: participant.sourceId,
    owner: participant.sourceId,
    kind: 'camera',
    identity: participant.identity,
    name: participant.name,
    visible: participant.visible,
    videoOn: participant.cameraShown,
    audioOn: participant.micHeard,
    trouble: participant.connectionState === 'interrupted',
    gain: 10 ** (participant.gainDb / 20),
    ...(participant.avatar === undefined ? {} : { avatar: participant.avatar }),
  };
  if (!participant.sharesScreen) return [person];
  const id = participant.screenSourceId;
  return [person, { ...person, id, kind: 'screen', videoOn: true, audioOn: true, gain: 1 }];
}

/**
 * THE data path of a room, top to bottom:
 *
 *   client ─▶ PeerTransport ─▶ PeerReceiver ─▶ [ link ] ─▶ media process: decode, compose, mix, encode
 *   client ◀─ PeerTransport ◀─ OutboundStream ◀─ packetize once ◀─ [ link ] ◀─┘
 *
 * and the life of the room's media process: replaced when it dies, without the clients noticing more
 * than a short freeze, since sequence numbers and timestamps are kept on this side.
 */

import { packetizeAv1 } from '../codecs/av1-packetizer.js';
import { packetizeH264 } from '../codecs/h264-packetizer.js';
import { packetizeVp8 } from '../codecs/vp8-packetizer.js';
import { packetizeVp9 } from '../codecs/vp9-packetizer.js';
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
import type { CompositeSink } from './composite-sink.js';
import type { MediaPool } from './media-pool.js';
import type { MediaProcess } from './media-process.js';
import type { Participant } from './participant.js';

/** The mix of everybody. */
const FULL_MIX: SourceId = 0;
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
  private readonly sinks = new Set<CompositeSink>();
  private layout: LayoutState = { mode: 'grid', pinned: [] };
  private overlays: OverlaySettings = {};
  /** By name, those that were made harmless; in base64. */
  private readonly images = new Map<string, string>();
  private watchKey = '';
  /** Steps that the picture gives way by. */
  private bent: readonly LoadStep[] = [];
  private loadFloor = 0;
  /** Of the last picture, and of the base layer's last, by codec and rendition. */
  private readonly pictureNumbers = new Map<
    string,
    { pictureId: number; baseIndex: number; base: number }
  >();
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
    this.updateWatchers();
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

  /** Gives the composite to something besides the participants. */
  addSink(sink: CompositeSink): void {
    this.sinks.add(sink);
    this.updateWatchers();
  }

  removeSink(sink: CompositeSink): void {
    this.sinks.delete(sink);
    this.updateWatchers();
  }

  /** Somebody began or ceased to receive a stream: encode what is watched, and nothing else. */
  updateWatchers(): void {
    const videos = new Map<string, WatchedVideo>();
    let audio = false;
    const lowAudio = new Set<SourceId>();
    for (const participant of this.participants) {
      const { output } = participant;
      for (const watched of output?.watched ?? []) {
        videos.set(`${watched.codec}/${watched.rendition}`, watched);
      }
      audio ||= output?.audio !== undefined;
      if (output?.usesLowAudio) lowAudio.add(participant.visible ? participant.sourceId : FULL_MIX);
    }
    for (const { video } of this.sinks) {
      if (video) videos.set(`${video.codec}/${video.rendition}`, video);
      audio = true;
    }
    const watch = {
      type: 'watch',
      videos: [...videos.values()],
      audio,
      lowAudio: [...lowAudio],
    } as const;
    const key = `${[...videos.keys()].sort()} ${audio} ${[...lowAudio].sort()}`;
    if (key === this.watchKey) return;
    this.watchKey = key;
    this.process?.send(watch);
  }

  /** @param urgent for somebody who has no picture yet. */
  requestKeyframe(video: WatchedVideo, urgent: boolean): void {
    this.process?.send({ type: 'keyframe', urgent, ...video });
  }

  /** How large each camera is shown, where it is largest. */
  private showCameras(tiles: readonly TilePlace[]): void {
    const widths = [...this.sinks].map(({ video }) => video?.own?.width ?? 0);
    const factor = Math.max(1, ...widths.map((width) => width / this.settings.width));
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
    for (const sink of this.sinks) if (sink.takesSources) sink.onSource(frame);
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

  /** One packetisation for all receivers of the rendition. */
  private sendVideo(frame: VideoOutFrame): void {
    for (const sink of this.sinks) {
      const { codec, rendition } = sink.video ?? {};
      if (codec === frame.codec && rendition === frame.rendition) sink.onVideo(frame);
    }
    const receivers = this.participants.filter(({ output }) => output?.videoCodec === frame.codec);
    if (receivers.length === 0) return;
    const now = nowMicros();
    const payloads = this.packetize(frame);
    for (const participant of receivers) {
      const { output } = participant;
      if (output) participant.guarding(() => output.sendVideo(payloads, frame, now));
    }
    this.stages.observe('send', nowMicros() - frame.encodedMicros);
  }

  private packetize({ codec, rendition, data, keyframe, temporalLayer }: VideoOutFrame): Buffer[] {
    if (codec === 'h264') return packetizeH264(data);
    if (codec === 'av1') return packetizeAv1(data, keyframe);
    const key = `${codec}/${rendition}`;
    const last = this.pictureNumbers.get(key) ?? { pictureId: 0, baseIndex: 0, base: 0 };
    const pictureId = (last.pictureId + 1) & 0x7fff;
    const isBase = temporalLayer === 0;
    const baseIndex = (last.baseIndex + (isBase ? 1 : 0)) & 0xff;
    this.pictureNumbers.set(key, { pictureId, baseIndex, base: isBase ? pictureId : last.base });
    if (codec === 'vp8') return packetizeVp8(data, pictureId, { temporalLayer, baseIndex });
    const reference = keyframe ? 0 : (pictureId - last.base) & 0x7fff;
    return packetizeVp9(data, pictureId, { temporalLayer, reference });
  }

  /** Collects one tick's mixes, then gives each participant theirs. */
  private sendAudio(frame: AudioOutFrame): void {
    if (!frame.low && frame.source === FULL_MIX) for (const sink of this.sinks) sink.onAudio(frame);
    (frame.low ? this.lowAudioTick : this.audioTick).set(frame.source, frame);
    if (!frame.last) return;
    const now = nowMicros();
    for (const participant of this.participants) {
      const { sourceId, output } = participant;
      if (!output) continue;
      for (const tick of [this.audioTick, this.lowAudioTick]) {
        const mix = tick.get(sourceId) ?? tick.get(FULL_MIX);
        if (mix) participant.guarding(() => output.sendAudio(mix, now));
      }
    }
    this.audioTick.clear();
    this.lowAudioTick.clear();
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

/**
 * The media of one participant, both ways: what their connection receives goes to the room's pipeline
 * as far as their rights allow, and an output for them is in the pipeline while they are connected.
 */

import { TesseraError } from '../errors.js';
import type { MixSettings, SourceId } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import type { MissingMedia } from '../protocol/participants.js';
import type { ReceivedAudio } from '../receive/peer-receiver.js';
import type { ReceivedFrame } from '../receive/video-receiver.js';
import { BT601 } from '../rtp/colour-space.js';
import type { UplinkUse } from '../rtp/negotiated-media.js';
import { nowMicros } from '../util/clock.js';
import { type FrameSize, USUAL_SIZE } from '../util/frame-size.js';
import type { Micros } from '../util/units.js';
import {
  MediaConnection,
  type MediaConnectionOptions,
  type OpenTransport,
  type OutboundPath,
} from './media-connection.js';
import type { ShownSize } from './media-source.js';
import { MediaWatchdog } from './media-watchdog.js';
import type { ConnectionState } from './participant-info.js';
import { ParticipantOutput } from './participant-output.js';
import { checkLimits, type ReceiveLimits } from './receive-limits.js';
import { AUDIO_ONLY, renditionName } from './renditions.js';
import type { ParticipantSnapshot } from './room-counters.js';
import type { RoomPipeline } from './room-pipeline.js';
import type { MemberUpdate } from './room-update.js';
import type { VideoSizeGate } from './video-size-gate.js';

export interface ParticipantMediaOptions extends MediaConnectionOptions {
  readonly mix: MixSettings;
  /** Which sizes of video are taken from them. */
  readonly sizes: VideoSizeGate;
  /** In place of real sockets, for tests. */
  readonly openTransport?: OpenTransport;
}

/** How often the watchdog looks. */
const WATCH_INTERVAL: Micros = 500_000;
/** So many packets sent and none reported are no accident. */
const SENT_ENOUGH = 50;

const MISSING_WORDS: Readonly<Record<MissingMedia, string>> = {
  audio: 'your microphone is on, but none of its sound arrives',
  video: 'your camera is on, but none of its pictures arrives',
  mix: 'nothing of what is sent to you arrives',
};

/** Whose media it is. */
export interface MediaOwner {
  readonly id: string;
  /** Of camera and microphone. */
  readonly sourceId: SourceId;
  readonly screenSourceId: SourceId;
  /** Whether they may receive the composite and the mix. */
  readonly canSubscribe: boolean;
  readonly micOn: boolean;
  readonly cameraOn: boolean;
  /** Whether what they send on such an m-line goes into the room at present. */
  publishes(use: UplinkUse): boolean;
}

export interface ParticipantMediaEvents {
  /** The connection's state, or what they send, changed. */
  onChanged(): void;
  tell(update: MemberUpdate): void;
}

export class ParticipantMedia {
  readonly connection: MediaConnection;
  private current: ParticipantOutput | undefined;
  /** Of the output. */
  private sentStreams: OutboundPath['streams'] | undefined;
  private limits: ReceiveLimits = {};
  private sparesBest = false;
  /** The size in the last `cameraShown`. */
  private cameraSize = '';
  /** They have got the error that their video is too large; reset by the next frame that fits. */
  private tooLargeReported = false;
  /** Video that arrives and cannot be shown as it should be. */
  readonly stalled = new Set<'camera' | 'screen'>();
  private readonly watchdog = new MediaWatchdog();
  private watchedAt: Micros = 0;
  private mixUndecoded = false;
  /** What arrived from them: packets of the microphone, frames of the camera, reports on what was sent. */
  private readonly arrived = { audio: 0, video: 0, mix: 0 };

  constructor(
    private readonly owner: MediaOwner,
    private readonly options: ParticipantMediaOptions,
    private readonly pipeline: RoomPipeline,
    private readonly events: ParticipantMediaEvents,
    private readonly logger: Logger,
  ) {
    this.connection = new MediaConnection(
      { ...options, stereo: options.mix.audioChannels === 2 },
      {
        onAudio: (packet, use) => this.receiveAudio(packet, use),
        onVideo: (frame, captureMicros, use) => this.receiveVideo(frame, captureMicros, use),
        accepts: (size) => options.sizes.judge(size, nowMicros()) === 'taken',
        onTooLarge: (size) => this.reportTooLarge(size),
        onStalled: (use, isStalled) => this.stallChanged(use, isStalled),
        onRtcp: (packet, now) => {
          if ('blocks' in packet && packet.blocks.length > 0) this.arrived.mix++;
          this.current?.rtcp(packet, now);
        },
        onState: (state, reason) => this.stateChanged(state, reason),
        onRenegotiated: () => this.renegotiated(),
        onCandidate: (candidate) => events.tell({ type: 'candidate', candidate }),
        onData: (text) => events.tell({ type: 'data', text }),
      },
      logger,
      options.openTransport,
    );
  }

  /** Undefined while they are not connected, and if they may not receive. */
  get output(): ParticipantOutput | undefined {
    return this.current;
  }

  /** What should flow and has not since they are connected. */
  get missing(): readonly MissingMedia[] {
    return this.watchdog.missing;
  }

  /** The client says that it can decode nothing of what it gets, or that it can now. */
  setMixMissing(isMissing: boolean): void {
    this.mixUndecoded = isMissing;
  }

  /** They need no better rendition than this. @throws TesseraError `unknown_rendition`. */
  setReceiveLimits(limits: ReceiveLimits): void {
    checkLimits(limits, this.options.mix);
    this.limits = limits;
    this.limitOutput();
  }

  /** @param spare the best rendition is not encoded at present. */
  spareBest(spare: boolean): void {
    this.sparesBest = spare;
    this.limitOutput();
  }

  /** @param tile that their camera is shown in; undefined while it has none. */
  showCameraAt(tile: ShownSize | undefined): void {
    this.connection.showCameraAt(tile);
    const [width, height] = [Math.round(tile?.width ?? 0), Math.round(tile?.height ?? 0)];
    const size = `${width}x${height}`;
    if (size === this.cameraSize) return;
    this.cameraSize = size;
    this.events.tell({ type: 'cameraShown', width, height });
  }

  /** Called every few milliseconds. A fault in it ends this participant's connection alone. */
  tick(now: Micros): void {
    const { current: output } = this;
    try {
      output?.tick(now);
      const backBps = output?.estimateBps ?? Number.POSITIVE_INFINITY;
      this.connection.tick(now, output?.roundTripMicros ?? 0, backBps);
      if (now - this.watchedAt >= WATCH_INTERVAL) this.watch(now);
    } catch (error) {
      this.logger.error({ error }, 'the tick of a participant broke');
      this.connection.fail('internal_error');
    }
  }

  /** Counters of both directions, those of the media process too. */
  snapshot(): ParticipantSnapshot {
    return {
      ...this.pipeline.sourceCounters(this.owner.sourceId),
      ...this.connection.snapshot(),
      ...this.watchdog.counters,
      ...this.current?.snapshot(),
    };
  }

  /** The counters of both directions, as they are in use, without those of the media process. */
  liveCounters(): readonly Partial<ParticipantSnapshot>[] {
    return [...this.connection.liveCounters(), ...(this.current?.liveCounters() ?? [])];
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.removeOutput();
    await this.connection.close();
  }

  private receiveAudio({ payload, ...packet }: ReceivedAudio, use: 'mic' | 'screen-audio'): void {
    if (use === 'mic') this.arrived.audio++;
    if (!this.owner.publishes(use)) return;
    const { sourceId, screenSourceId } = this.owner;
    const source = use === 'mic' ? sourceId : screenSourceId;
    this.pipeline.receive({ kind: 'audio-in', source, ...packet, data: payload });
  }

  private receiveVideo(
    frame: ReceivedFrame,
    captureMicros: Micros,
    use: 'camera' | 'screen',
  ): void {
    const { codec, keyframe, damaged, data, colourSpace = BT601, rotation } = frame;
    const arrivalMicros = nowMicros();
    this.tooLargeReported = false;
    if (use === 'camera') this.arrived.video++;
    if (!this.owner.publishes(use)) return;
    this.pipeline.stages.observe('reorder', arrivalMicros - frame.firstArrivalMicros);
    this.pipeline.receive({
      kind: 'video-in',
      source: use === 'camera' ? this.owner.sourceId : this.owner.screenSourceId,
      codec,
      keyframe,
      damaged,
      colourSpace,
      rotation,
      arrivalMicros,
      captureMicros,
      data,
    });
  }

  private stateChanged(state: ConnectionState, reason: string | undefined): void {
    const path = this.connection.outbound;
    const isFirst = state === 'connected' && !this.current;
    if (isFirst && path && this.owner.canSubscribe) this.addOutput(path);
    if (state === 'failed') this.removeOutput();
    this.events.tell({ type: 'connection', state });
    this.events.onChanged();
    if (isFirst) this.requestFirstKeyframe();
    if (state !== 'failed') return;
    const error = new TesseraError('connection_failed', `the media connection failed (${reason})`, {
      next: 'Join again; if it fails again, a firewall may be in the way: configure a TURN server.',
    });
    this.events.tell({ type: 'error', error });
  }

  /** A later offer may receive on other m-lines, or in other formats. */
  private renegotiated(): void {
    const path = this.connection.outbound;
    if (path && this.current && path.streams !== this.sentStreams) {
      this.removeOutput();
      this.addOutput(path);
      this.requestFirstKeyframe();
    }
    this.events.onChanged();
  }

  private addOutput(path: OutboundPath): void {
    this.sentStreams = path.streams;
    const { mix } = this.options;
    const { id, sourceId } = this.owner;
    const output: ParticipantOutput = new ParticipantOutput(
      { name: `participant ${id}`, ownSource: sourceId, mix, ...path },
      {
        onDemandChanged: () => this.pipeline.demandChanged(output),
        requestKeyframe: (video, urgent) => this.pipeline.requestKeyframe(video, urgent),
        onRendition: (index) =>
          this.events.tell({ type: 'rendition', rendition: this.nameOf(index) }),
        onFault: () => this.connection.fail('internal_error'),
      },
    );
    this.current = output;
    this.limitOutput();
    this.pipeline.addOutput(output);
  }

  private requestFirstKeyframe(): void {
    for (const video of this.current?.demand.videos ?? []) {
      this.pipeline.requestKeyframe(video, true);
    }
  }

  private removeOutput(): void {
    if (this.current) this.pipeline.removeOutput(this.current);
    this.current = undefined;
  }

  private limitOutput(): void {
    this.current?.limit(this.limits, nowMicros(), this.sparesBest);
  }

  private nameOf(rendition: number | undefined): string {
    const found = rendition === undefined ? undefined : this.options.mix.renditions[rendition];
    return found ? renditionName(found) : AUDIO_ONLY;
  }

  private watch(now: Micros): void {
    this.watchedAt = now;
    const { owner, connection, current: output, arrived } = this;
    const connected = connection.state === 'connected';
    const sends = (use: 'mic' | 'camera') =>
      connected && connection.uses.has(use) && owner.publishes(use);
    const news = this.watchdog.look(
      {
        audio: { expected: owner.micOn && sends('mic'), progress: arrived.audio },
        video: { expected: owner.cameraOn && sends('camera'), progress: arrived.video },
        mix: {
          expected: connected && (output?.packetsSent ?? 0) > SENT_ENOUGH,
          progress: arrived.mix,
          known: this.mixUndecoded,
        },
      },
      now,
    );
    if (!news) return;
    this.logger.info({ missing: this.missing }, 'missing media changed');
    this.events.onChanged();
    for (const kind of news) {
      const error = new TesseraError('media_missing', MISSING_WORDS[kind], {
        next: 'Join again; if it stays so, look at the network, and at what the client sends.',
      });
      this.events.tell({ type: 'error', error });
    }
  }

  private stallChanged(use: 'camera' | 'screen', isStalled: boolean): void {
    if (isStalled) this.stalled.add(use);
    else this.stalled.delete(use);
    this.events.onChanged();
  }

  private reportTooLarge(size: FrameSize): void {
    if (this.tooLargeReported) return;
    this.tooLargeReported = true;
    const { sizes } = this.options;
    const isBusy = sizes.judge(size, nowMicros()) === 'no_cpu';
    const { long, short } = isBusy ? USUAL_SIZE : sizes.limit;
    const why = isBusy ? 'there is no CPU to decode it' : 'it is too large';
    const message = `video of ${size.width}x${size.height} is not taken: ${why}`;
    const error = new TesseraError('video_too_large', message, {
      next: `Send at most ${long}x${short}.`,
    });
    this.events.tell({ type: 'error', error });
  }
}

/**
 * The composite on its way to one live destination. When the connection fails it connects again,
 * with growing pauses, until it is stopped.
 */
import type { OutputEvent } from '../../link/egress-messages.js';
import type { AudioOutFrame, VideoOutFrame, WatchedVideo } from '../../link/link-messages.js';
import type { Logger } from '../../logger.js';
import type { OutputInfo, OutputStatus } from '../../protocol/output-info.js';
import { FULL_MIX, type MediaOutput, type OutputDemand } from '../../rooms/media-output.js';
import type { EgressLauncher } from '../egress-processes.js';
import { type EgressOpening, EgressSession } from '../egress-session.js';
import type { RoomOutput } from '../output-registry.js';
import type { OutputRoom } from '../output-room.js';
import type { LiveTarget } from './kinds/live-kind.js';

/** After a minute without a fault the next fault counts as the first. */
const RESTART = { firstMs: 1000, maxMs: 30_000, calmMs: 60_000 } as const;
/** A destination that takes nothing for this long is connected to again. */
const STALL_MS = 15_000;
const CLOSE_MS = 2000;

export interface LiveOutputOptions {
  /** As it is at the start. */
  readonly info: OutputInfo;
  readonly target: LiveTarget;
  readonly video: WatchedVideo;
  readonly size: { readonly width: number; readonly height: number };
  readonly audioBitrateBps: number;
  readonly keyframeMs: number;
}

export class LiveOutput implements RoomOutput, MediaOutput {
  readonly name: string;
  readonly demand: OutputDemand;
  private current: OutputInfo;
  private readonly session: EgressSession;
  private stopping: Promise<void> | undefined;

  /** @param onChanged hears of each change of {@link info}. */
  constructor(
    readonly room: OutputRoom,
    private readonly options: LiveOutputOptions,
    processes: EgressLauncher,
    private readonly logger: Logger,
    private readonly onChanged: (output: LiveOutput) => void,
  ) {
    this.current = options.info;
    const { video } = options;
    this.name = `live output ${this.id}`;
    this.demand = { videos: [video], audio: true, mix: FULL_MIX, lowAudio: false, sources: false };
    this.session = new EgressSession(
      processes,
      {
        batchMs: 0,
        keyframeMs: options.keyframeMs,
        urgentKeyframes: true,
        restart: RESTART,
        maxFailures: Number.POSITIVE_INFINITY,
        stallMs: STALL_MS,
        closeMs: CLOSE_MS,
      },
      logger,
      {
        open: () => this.open(),
        wantsKeyframes: () => this.current.status === 'live',
        requestKeyframe: (urgent) => room.requestKeyframe(video, urgent),
        onEvent: (event) => this.handle(event),
        onFailure: (reason) => this.failed(reason),
        // It never gives up.
        onGivenUp: (reason) => this.failed(reason),
      },
    );
  }

  get id(): string {
    return this.current.id;
  }

  get info(): OutputInfo {
    return this.current;
  }

  get target(): LiveTarget {
    return this.options.target;
  }

  /** Frames that its process did not take. */
  get framesDropped(): number {
    return this.session.snapshot().framesDropped;
  }

  start(): void {
    this.room.addOutput(this);
    this.session.start();
  }

  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  onVideo(frame: VideoOutFrame): void {
    this.session.write(frame);
  }

  onAudio(frame: AudioOutFrame): void {
    this.session.write(frame);
  }

  /** A bug: nothing more is sent, so it ends. */
  onFault(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.stopping ??= this.end(reason);
    this.stopping.catch((failure: unknown) =>
      this.logger.error({ error: failure }, 'a live output did not end'),
    );
  }

  private async end(reason?: string): Promise<void> {
    this.room.removeOutput(this);
    this.change('ended', reason);
    await this.session.close();
  }

  private async open(): Promise<EgressOpening> {
    const { target, video, size, audioBitrateBps } = this.options;
    const { url, muxer, options, close } = await target.connect((message) =>
      this.logger.info({ message }, 'a live destination went away'),
    );
    return {
      commands: [
        {
          type: 'stream',
          url,
          muxer,
          options,
          video: { codec: video.codec, ...size },
          audioCodec: 'aac',
          audioChannels: this.room.mix.audioChannels,
          audioBitrateBps,
        },
      ],
      ...(close ? { release: close } : {}),
    };
  }

  private handle(event: OutputEvent): void {
    switch (event.type) {
      case 'progress':
        if (this.current.status !== 'live') this.change('live');
        break;
      case 'fault':
        this.session.fail(event.message);
        break;
      // A live output has no file times and no tracks of participants.
      case 'running':
      case 'source-keyframe-needed':
      case 'track':
        break;
      default:
        event satisfies never;
    }
  }

  private failed(reason: string): void {
    this.logger.warn({ reason }, 'a live destination failed');
    this.change('reconnecting', reason);
  }

  private change(status: OutputStatus, reason?: string): void {
    const { error: _, ...info } = this.current;
    this.current = {
      ...info,
      status,
      reconnects: this.session.snapshot().restarts,
      ...(reason === undefined ? {} : { error: { code: 'destination_failed', message: reason } }),
      ...(status === 'ended' ? { endedAt: Date.now() } : {}),
    };
    this.onChanged(this);
  }
}

/**
 * The composite on its way to one live destination, or into an HLS folder: connected again, later and
 * later, for as long as it is wanted.
 */
import { join } from 'node:path';
import type { EgressEvent } from '../../link/egress-messages.js';
import type { AudioOutFrame, VideoOutFrame, WatchedVideo } from '../../link/link-messages.js';
import type { Logger } from '../../logger.js';
import type { OutputInfo, OutputStatus } from '../../protocol/output-info.js';
import { FULL_MIX, type MediaOutput, type OutputDemand } from '../../rooms/media-output.js';
import type { Room } from '../../rooms/room.js';
import { nowMicros } from '../../util/clock.js';
import { EgressFrames } from '../egress-frames.js';
import type { EgressHandle, EgressLauncher } from '../egress-processes.js';
import type { Destination } from './destination.js';
import { PinnedRelay } from './pinned-relay.js';

const FIRST_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 30_000;
/** A destination that takes nothing for so long is connected anew. */
const STALLED_MS = 15_000;
/** After so long without a fault the next one is the first again. */
const CALM_MS = 60_000;

export interface LiveOutputOptions {
  readonly info: OutputInfo;
  /** Undefined writes HLS. */
  readonly destination: Destination | undefined;
  /** Of HLS. */
  readonly folder: string;
  readonly video: WatchedVideo;
  readonly size: { readonly width: number; readonly height: number };
  readonly audioBitrateBps: number;
  readonly keyframeMs: number;
}

export class LiveOutput implements MediaOutput {
  readonly name: string;
  readonly demand: OutputDemand;
  private readonly video: WatchedVideo;
  private reconnects = 0;
  private readonly frames = new EgressFrames(0, {
    send: (frame) => this.process?.sendFrame(frame) ?? true,
    onPictureLost: () => this.room.requestKeyframe(this.video, true),
  });
  private current: OutputInfo;
  private process: EgressHandle | undefined;
  private relay: PinnedRelay | undefined;
  private keyframeTimer: NodeJS.Timeout | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private stallTimer: NodeJS.Timeout | undefined;
  private backoffMs = FIRST_BACKOFF_MS;
  private liveSince = 0;
  private ended = false;

  constructor(
    private readonly room: Room,
    private readonly options: LiveOutputOptions,
    private readonly processes: EgressLauncher,
    private readonly logger: Logger,
    private readonly onChanged: () => void,
  ) {
    this.current = options.info;
    this.video = options.video;
    this.name = `live output ${options.info.id}`;
    const videos = [options.video];
    this.demand = { videos, audio: true, mix: FULL_MIX, lowAudio: false, sources: false };
  }

  /** Those that the process did not take. */
  get framesDropped(): number {
    return this.frames.dropped;
  }

  get info(): OutputInfo {
    return this.current;
  }

  async start(): Promise<void> {
    this.room.addOutput(this);
    this.keyframeTimer = setInterval(() => {
      if (this.current.status === 'live') this.room.requestKeyframe(this.video, true);
    }, this.options.keyframeMs);
    await this.connect();
  }

  async stop(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.keyframeTimer);
    clearTimeout(this.retryTimer);
    this.room.removeOutput(this);
    this.change('ended');
    await this.disconnect();
  }

  onVideo(frame: VideoOutFrame): void {
    this.frames.add(frame);
  }

  onAudio(frame: AudioOutFrame): void {
    this.frames.add(frame);
  }

  onFault(error: unknown): void {
    this.change('reconnecting', error instanceof Error ? error.message : String(error));
    this.stop().catch((failure: unknown) =>
      this.logger.error({ error: failure }, 'a live output did not end'),
    );
  }

  private async connect(): Promise<void> {
    const process: EgressHandle = this.processes.launch(
      this.logger,
      {
        onEvent: (event) => {
          if (this.process === process) this.handle(event);
        },
        onCrash: (reason) => {
          if (this.process === process) this.failed(reason);
        },
      },
      { closeMs: 2000 },
    );
    this.process = process;
    try {
      const { url, muxer, options, relay } = await this.target();
      if (this.process !== process) {
        // It was ended meanwhile.
        relay?.close();
        return;
      }
      this.relay = relay;
      const { video, size, audioBitrateBps } = this.options;
      process.send({
        type: 'stream',
        url,
        muxer,
        options,
        video: { codec: video.codec, ...size },
        audioCodec: 'aac',
        audioChannels: this.room.mix.audioChannels,
        audioBitrateBps,
      });
      this.room.requestKeyframe(this.video, true);
      this.watchForStall();
    } catch (error) {
      this.failed(error instanceof Error ? error.message : String(error));
    }
  }

  private async target() {
    const { destination, folder, keyframeMs } = this.options;
    const relay = undefined;
    if (!destination) {
      return { url: join(folder, 'index.m3u8'), ...hlsMuxer(folder, keyframeMs), relay };
    }
    const { kind, address, port, path, options } = destination;
    if (kind === 'srt') {
      const query = new URLSearchParams({ ...options, mode: 'caller', transtype: 'live' });
      if (options.latency) query.set('latency', String(Number(options.latency) * 1000));
      const host = address.includes(':') ? `[${address}]` : address;
      return { url: `srt://${host}:${port}?${query}`, muxer: 'mpegts', options: {}, relay };
    }
    const opened = await PinnedRelay.open(destination, (message) =>
      this.logger.info({ message }, 'a live destination went away'),
    );
    const url = `rtmp://127.0.0.1:${opened.port}/${path}`;
    return { url, muxer: 'flv', options: { flvflags: 'no_duration_filesize' }, relay: opened };
  }

  private handle(event: EgressEvent): void {
    if (event.type === 'progress') {
      this.watchForStall();
      if (this.current.status !== 'live') {
        this.liveSince = Date.now();
        this.change('live');
      }
      if (Date.now() - this.liveSince > CALM_MS) this.backoffMs = FIRST_BACKOFF_MS;
    } else if (event.type === 'keyframe-needed') this.room.requestKeyframe(this.video, true);
    else if (event.type === 'fault') this.failed(event.message);
  }

  private watchForStall(): void {
    clearTimeout(this.stallTimer);
    this.stallTimer = setTimeout(() => this.failed('it takes nothing'), STALLED_MS);
  }

  private failed(reason: string): void {
    if (this.ended) return;
    this.reconnects++;
    this.logger.warn({ reason }, 'a live destination failed');
    this.change('reconnecting', reason);
    this.disconnect().catch((error: unknown) => this.logger.error({ error }, 'closing failed'));
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => {
      this.connect().catch((error: unknown) => this.logger.error({ error }, 'connecting failed'));
    }, this.backoffMs);
    this.backoffMs = Math.min(MAX_BACKOFF_MS, this.backoffMs * 2);
  }

  private async disconnect(): Promise<void> {
    clearTimeout(this.stallTimer);
    const { process, relay } = this;
    this.process = undefined;
    this.relay = undefined;
    process?.send({ type: 'stop', at: nowMicros() });
    await process?.close();
    relay?.close();
  }

  private change(status: OutputStatus, reason?: string): void {
    const { error: _, ...info } = this.current;
    this.current = {
      ...info,
      status,
      reconnects: this.reconnects,
      ...(reason === undefined ? {} : { error: { code: 'destination_failed', message: reason } }),
      ...(status === 'ended' ? { endedAt: Date.now() } : {}),
    };
    this.onChanged();
  }
}

/** Segments of CMAF that a playlist of the latest names; older ones are deleted. */
function hlsMuxer(folder: string, keyframeMs: number) {
  return {
    muxer: 'hls',
    options: {
      hls_time: String(Math.max(1, keyframeMs / 1000 - 0.2)),
      hls_segment_type: 'fmp4',
      hls_list_size: '6',
      hls_delete_threshold: '4',
      hls_flags: 'delete_segments+independent_segments+temp_file+program_date_time+append_list',
      hls_segment_filename: join(folder, 'segment-%06d.m4s'),
      hls_fmp4_init_filename: 'init.mp4',
    },
  };
}

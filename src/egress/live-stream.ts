/**
 * A stream to a live destination. Packets go through a bounded queue. When the destination does not
 * keep up, packets are refused: the caller drops video up to the next keyframe.
 */
import { type MuxedPacket, type MuxedTrack, Muxer } from '../codecs/ffmpeg/muxer.js';
import type { PacketSink } from './composite-writer.js';

/** Some seconds of 1080p. */
const MAX_QUEUED_BYTES = 2 * 1024 * 1024;
const PROGRESS_MS = 1000;

export interface LiveStreamOptions {
  readonly url: string;
  readonly muxer: string;
  readonly options: Readonly<Record<string, string>>;
  readonly tracks: readonly MuxedTrack[];
}

export interface LiveStreamEvents {
  /** Bytes that the destination has taken so far. Called at most once a second. */
  onProgress(bytes: number): void;
  /** It cannot be reached, or went away. Called at most once. */
  onFault(message: string): void;
}

export class LiveStream implements PacketSink {
  private readonly queue: MuxedPacket[] = [];
  private queuedBytes = 0;
  private sentBytes = 0;
  private muxer: Muxer | undefined;
  private working: Promise<void> | undefined;
  private readonly progress: NodeJS.Timeout;
  private reported = 0;
  private over = false;

  constructor(
    private readonly options: LiveStreamOptions,
    private readonly events: LiveStreamEvents,
  ) {
    this.progress = setInterval(() => this.reportProgress(), PROGRESS_MS);
  }

  write(packet: MuxedPacket): boolean {
    if (this.over) return true;
    if (this.queuedBytes + packet.data.length > MAX_QUEUED_BYTES) return false;
    this.queue.push(packet);
    this.queuedBytes += packet.data.length;
    this.working ??= this.drain()
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        this.working = undefined;
      });
    return true;
  }

  /** Packets are never held back. */
  flush(): void {}

  async close(): Promise<void> {
    if (this.over) return;
    this.over = true;
    clearInterval(this.progress);
    await this.working;
    await this.muxer?.close().catch(warn);
  }

  private async drain(): Promise<void> {
    const { url, muxer: format, options, tracks } = this.options;
    this.muxer ??= await Muxer.open(url, { format, options, tracks, interleaved: true });
    for (;;) {
      const packet = this.queue.shift();
      if (!packet) return;
      this.queuedBytes -= packet.data.length;
      await this.muxer.write(packet);
      this.sentBytes += packet.data.length;
    }
  }

  private reportProgress(): void {
    if (this.sentBytes === this.reported) return;
    this.reported = this.sentBytes;
    this.events.onProgress(this.sentBytes);
  }

  private fail(error: unknown): void {
    if (this.over) return;
    this.over = true;
    clearInterval(this.progress);
    this.queue.length = 0;
    this.events.onFault(error instanceof Error ? error.message : String(error));
    this.muxer?.abandon().catch(warn);
  }
}

/** The stream is over anyway; the server logs what is written here. */
function warn(error: unknown): void {
  process.stderr.write(`closing a live stream failed: ${String(error)}\n`);
}

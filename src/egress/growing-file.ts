/**
 * A file that grows. Packets go through a bounded queue to the muxer, in fragments of at most a second
 * that are synced to the disk. If this process dies, the file can be read to its last fragment.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { MuxError, type MuxedPacket, type MuxedTrack, Muxer } from '../codecs/ffmpeg/muxer.js';
import type { FileFormat } from '../protocol/file-format.js';
import type { Micros } from '../util/units.js';
import { CONTAINERS } from './containers.js';

/** The first packet that is this much later than the first of a fragment starts the next one. */
const FRAGMENT: Micros = 800_000;
/** Limit of the queue for the disk: about half a minute of 1080p. */
const MAX_QUEUED_BYTES = 32 * 1024 * 1024;

export interface FileFault {
  readonly code: 'disk_full' | 'write_failed';
  readonly message: string;
}

export interface GrowingFileEvents {
  /** This much of the file is on the disk. */
  onSynced(bytes: number): void;
  /** Nothing more is written. Called at most once. */
  onFault(fault: FileFault): void;
}

/** Tells a full disk from other errors. */
export function faultOf(error: unknown): FileFault {
  const system = (error as NodeJS.ErrnoException).code;
  const full =
    error instanceof MuxError ? error.isDiskFull : system === 'ENOSPC' || system === 'EDQUOT';
  const message = error instanceof Error ? error.message : String(error);
  return { code: full ? 'disk_full' : 'write_failed', message };
}

export interface GrowingFileCounters {
  packetsWritten: number;
  /** Packets that the queue had no space for. */
  packetsDropped: number;
}

export class GrowingFile {
  private readonly counters: GrowingFileCounters = { packetsWritten: 0, packetsDropped: 0 };
  private readonly queue: (MuxedPacket | 'flush')[] = [];
  private queuedBytes = 0;
  private muxer: Muxer | undefined;
  private handle: FileHandle | undefined;
  private working: Promise<void> | undefined;
  private syncing: Promise<void> | undefined;
  private fragmentBegan: Micros = Number.NaN;
  private isFirst = true;
  private failed = false;
  private closing = false;

  constructor(
    readonly path: string,
    private readonly format: FileFormat,
    private readonly tracks: readonly MuxedTrack[],
    private readonly events: GrowingFileEvents,
  ) {}

  snapshot(): Readonly<GrowingFileCounters> {
    return { ...this.counters };
  }

  /** @returns false if the disk does not keep up and the packet was dropped. */
  write(packet: MuxedPacket): boolean {
    if (this.failed || this.closing) return false;
    if (this.queuedBytes + packet.data.length > MAX_QUEUED_BYTES) {
      this.counters.packetsDropped++;
      return false;
    }
    this.queue.push(packet);
    this.queuedBytes += packet.data.length;
    this.work();
    return true;
  }

  /** Ends the fragment after the packets that were written so far. */
  flush(): void {
    if (this.failed || this.closing) return;
    this.queue.push('flush');
    this.work();
  }

  /** Ends the file. Resolves when it is closed and on the disk, or has failed. */
  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    await this.working;
    try {
      await this.muxer?.close();
      await this.syncing;
      await this.handle?.datasync();
    } catch (error) {
      this.fail(error);
    }
    await this.handle?.close();
  }

  private work(): void {
    this.working ??= this.drain()
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        this.working = undefined;
        if (this.queue.length > 0 && !this.failed) this.work();
      });
  }

  private async drain(): Promise<void> {
    this.muxer ??= await this.open();
    const { muxer } = this;
    for (;;) {
      const packet = this.queue.shift();
      if (!packet || this.failed) return;
      if (packet === 'flush') {
        await this.endFragment(muxer);
        continue;
      }
      this.queuedBytes -= packet.data.length;
      if (Number.isNaN(this.fragmentBegan)) this.fragmentBegan = packet.ptsMicros;
      if (packet.ptsMicros - this.fragmentBegan >= FRAGMENT) {
        await this.endFragment(muxer);
        this.fragmentBegan = packet.ptsMicros;
      }
      await muxer.write(packet);
      this.counters.packetsWritten++;
    }
  }

  private async endFragment(muxer: Muxer): Promise<void> {
    if (Number.isNaN(this.fragmentBegan)) return;
    this.fragmentBegan = Number.NaN;
    await muxer.flush();
    // The first flush writes only the file's header.
    if (this.isFirst) await muxer.flush();
    this.isFirst = false;
    this.sync();
  }

  private async open(): Promise<Muxer> {
    const { muxer, growing } = CONTAINERS[this.format];
    const opened = await Muxer.open(this.path, {
      format: muxer,
      options: growing,
      tracks: this.tracks,
    });
    this.handle = await open(this.path, 'r+');
    return opened;
  }

  /** One sync at a time: a fragment that ends during a sync is synced with the next one. */
  private sync(): void {
    const { handle } = this;
    if (!handle) return;
    this.syncing ??= handle
      .datasync()
      .then(() => handle.stat())
      .then(({ size }) => this.events.onSynced(size))
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        this.syncing = undefined;
      });
  }

  private fail(error: unknown): void {
    if (this.failed) return;
    this.failed = true;
    this.queue.length = 0;
    this.queuedBytes = 0;
    this.events.onFault(faultOf(error));
    // The muxer is freed when no other call is in it.
    Promise.resolve(this.working).finally(() => this.muxer?.abandon());
  }
}

/**
 * A file that grows: packets go through a bounded queue to the muxer, in fragments that are on the
 * disk soon. What was written can be read to its last fragment, whatever becomes of this process.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { MuxError, type MuxedPacket, type MuxedTrack, Muxer } from '../codecs/ffmpeg/muxer.js';
import type { FileFormat } from '../protocol/file-format.js';
import type { Micros } from '../util/units.js';
import { CONTAINERS } from './containers.js';

/** A fragment is ended by the first packet that comes after so much: none is longer than a second. */
const FRAGMENT: Micros = 800_000;
/** What may wait for the disk; about half a minute of 1080p. */
const MAX_QUEUED_BYTES = 32 * 1024 * 1024;

export interface FileFault {
  readonly code: 'disk_full' | 'write_failed';
  readonly message: string;
}

export interface GrowingFileEvents {
  /** What was written until now is on the disk. */
  onSynced(bytes: number): void;
  /** Nothing more will be written. Called once. */
  onFault(fault: FileFault): void;
}

export function faultOf(error: unknown): FileFault {
  const system = (error as NodeJS.ErrnoException).code;
  const full =
    error instanceof MuxError ? error.isDiskFull : system === 'ENOSPC' || system === 'EDQUOT';
  const message = error instanceof Error ? error.message : String(error);
  return { code: full ? 'disk_full' : 'write_failed', message };
}

export class GrowingFile {
  readonly counters = { packets_written: 0, packets_dropped: 0 };
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

  /** @returns false if the disk does not keep up, and the packet was left out. */
  write(packet: MuxedPacket): boolean {
    if (this.failed || this.closing) return false;
    if (this.queuedBytes + packet.data.length > MAX_QUEUED_BYTES) {
      this.counters.packets_dropped++;
      return false;
    }
    this.queue.push(packet);
    this.queuedBytes += packet.data.length;
    this.work();
    return true;
  }

  /** Ends the fragment with what was written until now. */
  flush(): void {
    if (this.failed || this.closing) return;
    this.queue.push('flush');
    this.work();
  }

  /** Ends the file; resolves when it is closed and on the disk, or has failed. */
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
      this.counters.packets_written++;
    }
  }

  private async endFragment(muxer: Muxer): Promise<void> {
    if (Number.isNaN(this.fragmentBegan)) return;
    this.fragmentBegan = Number.NaN;
    await muxer.flush();
    // The first time it writes the file's head alone.
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

  /** One at a time: what is flushed meanwhile waits for the next fragment's. */
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
    // Not while another call is in the muxer.
    Promise.resolve(this.working).finally(() => this.muxer?.abandon());
  }
}

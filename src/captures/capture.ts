/**
 * One capture: writes what a participant sends as rtpdump, with the SDP beside it. Bounded in time and
 * size; a slow disk makes it drop packets, counted, and never holds up media.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { CaptureEnd } from '../protocol/capture-info.js';
import type { MediaTap } from '../rooms/media-tap.js';
import { dumpHeader, dumpRecord, MAX_DUMPED_PACKET_BYTES } from '../rtp/rtpdump.js';
import type { Micros } from '../util/units.js';
import { offerRecord } from './offers.js';

/** Bytes that may wait for the disk. */
const MAX_WAITING_BYTES = 8 << 20;

export interface CaptureLimits {
  readonly maxMs: number;
  readonly maxBytes: number;
}

export interface CaptureFiles {
  readonly dump: string;
  readonly sdp: string;
}

export class Capture implements MediaTap {
  packets = 0;
  bytes = 0;
  dropped = 0;
  durationMs = 0;
  /** Why it could not be written. */
  fault: unknown;
  /** Resolves when all is written, with the reason. */
  readonly ended: Promise<CaptureEnd>;
  private readonly stream: WriteStream;
  private readonly offers: string[] = [];
  private stop: (reason: CaptureEnd) => void = () => {};
  private stopped = false;

  /**
   * @param startedAt in ms since 1970.
   * @param start the same moment on the clock of the packets.
   */
  constructor(
    private readonly files: CaptureFiles,
    private readonly limits: CaptureLimits,
    startedAt: number,
    private readonly start: Micros,
  ) {
    this.stream = createWriteStream(files.dump, { mode: 0o600 });
    const asked = new Promise<CaptureEnd>((resolve) => {
      this.stop = (reason) => {
        this.stopped = true;
        resolve(reason);
      };
    });
    this.stream.on('error', (error) => {
      this.fault = error;
      this.stop('failed');
    });
    this.ended = asked.then((reason) => this.finish(reason));
    this.write(dumpHeader(startedAt));
  }

  packet(kind: 'rtp' | 'rtcp', data: Buffer, now: Micros): void {
    if (this.stopped) return;
    const offsetMs = this.since(now);
    if (offsetMs > this.limits.maxMs) {
      this.stop('time');
      return;
    }
    this.durationMs = offsetMs;
    if (data.length > MAX_DUMPED_PACKET_BYTES || this.stream.writableLength > MAX_WAITING_BYTES) {
      this.dropped++;
      return;
    }
    const record = dumpRecord({ kind, offsetMs, data });
    if (this.bytes + record.length > this.limits.maxBytes) {
      this.stop('size');
      return;
    }
    this.write(record);
    this.packets++;
  }

  offer(sdp: string, now: Micros): void {
    if (!this.stopped) this.offers.push(offerRecord(sdp, this.since(now)));
  }

  /** Ends it; the first reason counts. */
  end(reason: CaptureEnd): Promise<CaptureEnd> {
    this.stop(reason);
    return this.ended;
  }

  private since(now: Micros): number {
    return Math.max(0, Math.round((now - this.start) / 1000));
  }

  private write(record: Buffer): void {
    this.stream.write(record);
    this.bytes += record.length;
  }

  private async finish(reason: CaptureEnd): Promise<CaptureEnd> {
    try {
      this.stream.end();
      await finished(this.stream);
      await writeFile(this.files.sdp, this.offers.join(''), { mode: 0o600 });
      return reason;
    } catch (error) {
      // What is there can still be read.
      this.fault = error;
      return 'failed';
    }
  }
}

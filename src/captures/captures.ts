/** All captures of the server: started, listed, stopped and deleted; kept in a folder over a restart. */
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { CaptureEnd, CaptureInfo } from '../protocol/capture-info.js';
import type { MediaTap } from '../rooms/media-tap.js';
import type { UpdateBus } from '../rooms/update-bus.js';
import { nowMicros } from '../util/clock.js';
import { RecordStore } from '../util/record-store.js';
import { Capture, type CaptureFiles } from './capture.js';

export interface CapturesOptions {
  readonly folder: string;
  /** Longest capture; 0 switches captures off. */
  readonly maxMs: number;
  readonly maxBytes: number;
  /** Captures that are kept; beyond, none is started until one is deleted. */
  readonly maxKept: number;
}

/** The participant as captures see them. */
export interface Captured {
  readonly id: string;
  readonly name: string;
  /** The client's newest offer; undefined before the first. */
  readonly offerSdp: string | undefined;
  /** Sets or takes away what follows their media, and tells everybody. */
  setTap(tap: MediaTap | undefined): void;
}

interface Running {
  readonly capture: Capture;
  readonly participant: Captured;
  readonly timer: NodeJS.Timeout;
}

export class Captures {
  private readonly kept = new Map<string, CaptureInfo>();
  private readonly running = new Map<string, Running>();
  private readonly store: RecordStore<CaptureInfo>;

  constructor(
    private readonly options: CapturesOptions,
    private readonly logger: Logger,
    /** Why nothing new may be written; undefined if it may. */
    private readonly refusal: () => TesseraError | undefined = () => undefined,
  ) {
    this.store = new RecordStore(options.folder, (error) =>
      logger.error({ error }, 'cannot keep the record of a capture'),
    );
  }

  /** Reads what is in the folder. A capture that was active when the server ended is `lost`. */
  async start(): Promise<void> {
    for (const [id, info] of await this.store.load()) {
      this.kept.set(
        id,
        info.status === 'active' ? { ...info, status: 'ended', reason: 'lost' } : info,
      );
    }
  }

  /** The latest first. */
  get list(): readonly CaptureInfo[] {
    return [...this.kept.keys()].map((id) => this.get(id)).reverse();
  }

  /** @throws TesseraError `capture_not_found`. */
  get(id: string): CaptureInfo {
    const info = this.kept.get(id);
    if (!info) throw new TesseraError('capture_not_found', 'there is no such capture');
    const capture = this.running.get(id)?.capture;
    return capture ? { ...info, ...figuresOf(capture) } : info;
  }

  /** Paths of a capture's files. @throws TesseraError `capture_not_found`, `capture_active`. */
  endedFilesOf(id: string): CaptureFiles {
    if (this.get(id).status === 'active') {
      throw new TesseraError('capture_active', 'the capture is still active', {
        next: 'Stop it first.',
      });
    }
    return this.files(id);
  }

  /**
   * Captures what a participant sends from now on.
   * @param seconds at most; undefined is the server's limit.
   * @throws TesseraError `captures_off`, `capture_exists`, `too_many_captures`, `disk_low`.
   */
  async capture(room: string, participant: Captured, seconds?: number): Promise<CaptureInfo> {
    const { maxMs, maxBytes, maxKept } = this.options;
    if (maxMs === 0) {
      throw new TesseraError('captures_off', 'captures are switched off', {
        next: 'Set capture.maxSeconds.',
      });
    }
    const refusal = this.refusal();
    if (refusal) throw refusal;
    await mkdir(this.options.folder, { recursive: true, mode: 0o700 });
    if ([...this.running.values()].some((one) => one.participant.id === participant.id)) {
      throw new TesseraError('capture_exists', 'this participant is being captured already');
    }
    if (this.kept.size >= maxKept) {
      throw new TesseraError('too_many_captures', `at most ${maxKept} captures are kept`, {
        next: 'Delete one first, or raise capture.maxKept.',
      });
    }
    const limits = {
      maxMs: Math.min(maxMs, (seconds ?? Number.POSITIVE_INFINITY) * 1000),
      maxBytes,
    };
    const id = randomUUID();
    const startedAt = Date.now();
    const { name } = participant;
    const info: CaptureInfo = {
      ...{ id, room, participant: participant.id, name, status: 'active', startedAt },
      ...{ durationMs: 0, packets: 0, bytes: 0, dropped: 0 },
    };
    this.kept.set(id, info);
    const capture = new Capture(this.files(id), limits, startedAt, nowMicros());
    if (participant.offerSdp !== undefined) capture.offer(participant.offerSdp, nowMicros());
    const timer = setTimeout(() => capture.end('time'), limits.maxMs);
    this.running.set(id, { capture, participant, timer });
    participant.setTap(capture);
    this.logger.info({ capture: id, room, participant: participant.id }, 'capture started');
    capture.ended
      .then((reason) => this.ended(id, reason))
      .catch((error: unknown) => this.logger.error({ error }, 'a capture did not end well'));
    await this.store.put(id, info);
    return this.get(id);
  }

  /** Resolves when its files are whole. @throws TesseraError `capture_not_found`. */
  async stop(id: string): Promise<CaptureInfo> {
    this.get(id);
    await this.end(id, 'stopped');
    return this.get(id);
  }

  /** Ends captures of a room's participants when they leave. */
  follow({ updates }: { readonly updates: Pick<UpdateBus, 'follow'> }): void {
    updates.follow((update) => {
      if (update.type !== 'left') return;
      for (const [id, running] of this.running) {
        if (running.participant.id === update.participant.id) void this.end(id, 'left');
      }
    });
  }

  /** @throws TesseraError `capture_not_found`. */
  async delete(id: string): Promise<void> {
    await this.stop(id);
    this.kept.delete(id);
    const { dump, sdp } = this.files(id);
    await Promise.all([rm(dump, { force: true }), rm(sdp, { force: true }), this.store.delete(id)]);
  }

  async close(): Promise<void> {
    await Promise.all([...this.running.keys()].map((id) => this.end(id, 'stopped')));
    await this.store.settled();
  }

  private files(id: string): CaptureFiles {
    const base = join(this.options.folder, id);
    return { dump: `${base}.rtpdump`, sdp: `${base}.sdp` };
  }

  private async end(id: string, reason: CaptureEnd): Promise<void> {
    await this.running.get(id)?.capture.end(reason);
  }

  private async ended(id: string, reason: CaptureEnd): Promise<void> {
    const running = this.running.get(id);
    const info = this.kept.get(id);
    if (!running || !info) return;
    this.running.delete(id);
    clearTimeout(running.timer);
    running.participant.setTap(undefined);
    const ended = { ...info, ...figuresOf(running.capture), status: 'ended', reason } as const;
    this.kept.set(id, ended);
    const { fault } = running.capture;
    if (fault) this.logger.warn({ capture: id, error: fault }, 'a capture could not be written');
    this.logger.info({ capture: id, reason, packets: ended.packets }, 'capture ended');
    await this.store.put(id, ended);
  }
}

function figuresOf({ durationMs, packets, bytes, dropped }: Capture) {
  return { durationMs, packets, bytes, dropped };
}

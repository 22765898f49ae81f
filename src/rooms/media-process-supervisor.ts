/**
 * Keeps one media process running for a room. One that dies is replaced: at once, or after a pause
 * that grows while they keep dying, so that a stream that kills every process cannot use up the CPU.
 * Frames that arrive while none runs are dropped.
 */
import type { MediaCommand, MediaEvent, MediaFrame, SourceId } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import { Backoff } from '../util/backoff.js';
import type { MediaProcess } from './media-process.js';

const BACKOFF = { firstMs: 100, maxMs: 5000, immediate: true, calmMs: 30_000 };

export type RoomProcess = Pick<
  MediaProcess,
  'pid' | 'snapshot' | 'queuedBytes' | 'use' | 'send' | 'sendFrame'
>;

/** Where processes come from, and where they are ended: the media pool. */
export interface ProcessSource {
  acquire(): Promise<RoomProcess>;
  release(process: RoomProcess): Promise<void>;
}

export interface SupervisorEvents {
  /** A new process runs and has been sent the kept commands. */
  onStarted(): void;
  onEvent(event: MediaEvent): void;
  onFrame(frame: MediaFrame): void;
  /**
   * The process is gone; another one will be started.
   * @param suspects sources that were in native code; undefined if that was not the reason.
   */
  onDied(suspects: readonly SourceId[] | undefined): void;
}

export interface SupervisorCounters {
  media_process_restarts: number;
}

export class MediaProcessSupervisor {
  readonly counters: SupervisorCounters = { media_process_restarts: 0 };
  private current: RoomProcess | undefined;
  private readonly kept = new Map<string, MediaCommand>();
  private readonly backoff = new Backoff(BACKOFF);
  private starting: Promise<void> | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly pool: ProcessSource,
    private readonly logger: Logger,
    private readonly events: SupervisorEvents,
  ) {}

  /** The running process; undefined before the first and while one is replaced. */
  get process(): RoomProcess | undefined {
    return this.current;
  }

  /** Starts a process; resolves when it runs. @throws Error if none can be started. */
  start(): Promise<void> {
    this.starting ??= this.launch().finally(() => {
      this.starting = undefined;
    });
    return this.starting;
  }

  /**
   * Sends a command now, and first of all to each later process.
   * @param key the command replaces the one that was kept under it.
   */
  keep(key: string, command: MediaCommand): void {
    this.kept.set(key, command);
    this.send(command);
  }

  /** The command is not sent to later processes. */
  forget(key: string): void {
    this.kept.delete(key);
  }

  /** Does nothing while no process runs. */
  send(command: MediaCommand): void {
    this.current?.send(command);
  }

  /** Idempotent. Resolves when the process is gone. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.retryTimer);
    const process = this.current;
    this.current = undefined;
    if (process) await this.pool.release(process);
  }

  private async launch(): Promise<void> {
    const process = await this.pool.acquire();
    if (this.closed) {
      await this.pool.release(process);
      return;
    }
    this.current = process;
    process.use({
      onEvent: (event) => this.events.onEvent(event),
      onFrame: (frame) => this.events.onFrame(frame),
      onCrash: (reason, suspects) => this.crashed(process, reason, suspects),
    });
    for (const command of this.kept.values()) process.send(command);
    this.events.onStarted();
  }

  private crashed(
    process: RoomProcess,
    reason: string,
    suspects: readonly SourceId[] | undefined,
  ): void {
    if (this.closed || this.current !== process) return;
    this.current = undefined;
    this.counters.media_process_restarts++;
    const { pid: mediaPid } = process;
    this.logger.error({ reason, mediaPid, suspects }, 'media process died; starting another');
    this.events.onDied(suspects);
    this.pool
      .release(process)
      .catch((error: unknown) => this.logger.error({ error }, 'release failed'));
    this.relaunch();
  }

  private relaunch(): void {
    if (this.closed) return;
    this.retryTimer = setTimeout(() => {
      this.start().catch((error: unknown) => {
        this.logger.error({ error }, 'cannot start a media process');
        this.relaunch();
      });
    }, this.backoff.failed(Date.now()));
  }
}

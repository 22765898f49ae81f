/**
 * Session of one output with its egress process. It starts the process, carries frames and commands
 * to it, asks the room for keyframes, and starts another process after a failure. A recording and a
 * live output each have one.
 *
 * Callers may rely on: commands reach the process in order, after those that open the output; once
 * `end()` or `close()` was called no other process starts; no event comes after they resolve.
 */
import type {
  EgressEvent,
  OutputCommand,
  OutputEvent,
  StoppedEvent,
} from '../link/egress-messages.js';
import type { MediaFrame } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import { Backoff, type BackoffOptions } from '../util/backoff.js';
import { nowMicros } from '../util/clock.js';
import type { Micros } from '../util/units.js';
import { EgressFrames } from './egress-frames.js';
import type { EgressHandle, EgressLauncher } from './egress-processes.js';

export interface EgressSessionOptions {
  /** Frames are collected this long and sent together; 0 sends each at once. */
  readonly batchMs: number;
  /** Keyframes are requested this often while media is wanted; 0 requests none. */
  readonly keyframeMs: number;
  /** Regular requests do not wait for the next keyframe that is due anyway. */
  readonly urgentKeyframes: boolean;
  /** Pauses between processes. Without `calmMs`, progress starts them over. */
  readonly restart: BackoffOptions;
  /** After more failures in a row than this it gives up. */
  readonly maxFailures: number;
  /** An open output that makes no progress for this long has failed; undefined waits for ever. */
  readonly stallMs?: number;
  /** Time that a process may take to end, in milliseconds. */
  readonly closeMs?: number;
}

/** What one process needs to open the output. */
export interface EgressOpening {
  readonly commands: readonly OutputCommand[];
  /** Frees what was opened beside the process. Called once, when the process has ended. */
  release?(): void;
}

export interface EgressSessionEvents {
  /** Called for each process. A rejection counts as a failure. */
  open(): EgressOpening | Promise<EgressOpening>;
  /** Whether media is written now, so that regular keyframes are of use. */
  wantsKeyframes(): boolean;
  /** The room is to send a keyframe. */
  requestKeyframe(urgent: boolean): void;
  onEvent(event: OutputEvent): void;
  /** The process failed; another one is started after a pause. */
  onFailure(reason: string): void;
  /** The process failed too often. No other one is started; the owner ends the session. */
  onGivenUp(reason: string): void;
}

export interface EgressSessionCounters {
  /** Processes that failed. */
  restarts: number;
  /** Frames that the process did not take, or video that waited for a keyframe after that. */
  framesDropped: number;
  /** Frames that came while there was no process. */
  framesMissed: number;
}

/** A process, and what belongs to it. */
interface Connection {
  readonly process: EgressHandle;
  /** Commands that wait until the output is open; undefined once it is. */
  waiting: OutputCommand[] | undefined;
  release: (() => void) | undefined;
}

export class EgressSession {
  private readonly backoff: Backoff;
  private readonly frames: EgressFrames;
  private connection: Connection | undefined;
  private restarts = 0;
  private framesMissed = 0;
  private ended: Promise<StoppedEvent | undefined> | undefined;
  private onStopped: (event?: StoppedEvent) => void = () => {};
  private keyframeTimer: NodeJS.Timeout | undefined;
  private restartTimer: NodeJS.Timeout | undefined;
  private stallTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly launcher: EgressLauncher,
    private readonly options: EgressSessionOptions,
    private readonly logger: Logger,
    private readonly events: EgressSessionEvents,
  ) {
    this.backoff = new Backoff(options.restart);
    this.frames = new EgressFrames(options.batchMs, {
      send: (frame) => this.connection?.process.sendFrame(frame) ?? false,
      onKeyframeNeeded: () => events.requestKeyframe(true),
    });
  }

  snapshot(): Readonly<EgressSessionCounters> {
    const { restarts, framesMissed } = this;
    return { restarts, framesDropped: this.frames.dropped, framesMissed };
  }

  /** Process id; undefined while there is no process. */
  get pid(): number | undefined {
    return this.connection?.process.pid;
  }

  /** Starts the first process and the regular keyframe requests. */
  start(): void {
    const { keyframeMs, urgentKeyframes } = this.options;
    if (keyframeMs > 0) {
      this.keyframeTimer = setInterval(() => {
        if (this.events.wantsKeyframes()) this.events.requestKeyframe(urgentKeyframes);
      }, keyframeMs);
    }
    this.connect();
  }

  /** Sends a command to the process, if there is one. */
  send(command: OutputCommand): void {
    const { connection } = this;
    if (connection?.waiting) connection.waiting.push(command);
    else connection?.process.send(command);
  }

  /** Takes a frame on its way to the process. */
  write(frame: MediaFrame): void {
    if (this.connection) this.frames.add(frame);
    else this.framesMissed++;
  }

  /** Sends the frames that are being collected. */
  flush(): void {
    this.frames.flush();
  }

  /** The owner saw that the output does not work: its process is replaced after a pause. */
  fail(reason: string): void {
    const { connection } = this;
    if (connection) this.failed(connection, reason);
  }

  /**
   * Ends the output and its process.
   * @param at frames of this time or later are left out.
   * @param waitMs how long to wait for what is still to be written.
   * @returns the process's answer; undefined if there is no process, or it fails or is too late.
   */
  end(at: Micros, waitMs: number): Promise<StoppedEvent | undefined> {
    this.ended ??= this.endOnce(at, waitMs);
    return this.ended;
  }

  /** Ends the output without waiting for its answer. Idempotent, also after `end()`. */
  async close(): Promise<void> {
    await this.end(nowMicros(), 0);
  }

  private connect(): void {
    const connection: Connection = {
      process: this.launcher.launch(
        this.logger,
        {
          onEvent: (event) => {
            if (this.connection === connection) this.handle(event);
          },
          onCrash: (reason) => this.failed(connection, reason),
        },
        this.options.closeMs === undefined ? {} : { closeMs: this.options.closeMs },
      ),
      waiting: [],
      release: undefined,
    };
    this.connection = connection;
    this.open(connection).catch((error: unknown) => {
      this.failed(connection, error instanceof Error ? error.message : String(error));
    });
  }

  private async open(connection: Connection): Promise<void> {
    const { commands, release } = await this.events.open();
    if (this.connection !== connection) {
      release?.();
      return;
    }
    connection.release = release;
    for (const command of commands) connection.process.send(command);
    for (const command of connection.waiting ?? []) connection.process.send(command);
    connection.waiting = undefined;
    this.events.requestKeyframe(true);
    this.watchForStall();
  }

  private handle(event: EgressEvent): void {
    switch (event.type) {
      case 'keyframe-needed':
        this.events.requestKeyframe(true);
        break;
      case 'stopped':
        this.onStopped(event);
        break;
      case 'progress':
        this.watchForStall();
        if (this.options.restart.calmMs === undefined) this.backoff.succeeded();
        this.events.onEvent(event);
        break;
      case 'running':
      case 'source-keyframe-needed':
      case 'track':
      case 'fault':
        this.events.onEvent(event);
        break;
      // These are not for a session: the link, the ledger of processes and the finisher have them.
      case 'ready':
      case 'failed':
      case 'usage':
      case 'finished':
        break;
      default:
        event satisfies never;
    }
  }

  private watchForStall(): void {
    const { stallMs } = this.options;
    clearTimeout(this.stallTimer);
    if (stallMs === undefined) return;
    this.stallTimer = setTimeout(() => this.fail('it takes nothing'), stallMs);
  }

  private failed(connection: Connection, reason: string): void {
    if (this.connection !== connection) return;
    this.disconnect().catch((error: unknown) => this.logger.error({ error }, 'closing failed'));
    if (this.ended) {
      this.onStopped();
      return;
    }
    this.restarts++;
    const pause = this.backoff.failed(nowMicros() / 1000);
    if (this.backoff.failures > this.options.maxFailures) {
      this.events.onGivenUp(reason);
      return;
    }
    this.events.onFailure(reason);
    this.restartTimer = setTimeout(() => {
      if (!this.ended) this.connect();
    }, pause);
  }

  private async endOnce(at: Micros, waitMs: number): Promise<StoppedEvent | undefined> {
    clearInterval(this.keyframeTimer);
    clearTimeout(this.restartTimer);
    if (!this.connection) return undefined;
    this.frames.flush();
    this.send({ type: 'stop', at });
    const event = waitMs > 0 ? await this.stopped(waitMs) : undefined;
    await this.disconnect();
    return event;
  }

  private stopped(waitMs: number): Promise<StoppedEvent | undefined> {
    return new Promise((resolve) => {
      const late = setTimeout(() => resolve(undefined), waitMs);
      this.onStopped = (event) => {
        clearTimeout(late);
        resolve(event);
      };
    });
  }

  /** Takes no more events of the process and closes it. */
  private async disconnect(): Promise<void> {
    clearTimeout(this.stallTimer);
    const { connection } = this;
    this.connection = undefined;
    await connection?.process.close();
    connection?.release?.();
  }
}

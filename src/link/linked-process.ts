/**
 * A child process at the other end of a link: the server spawns it, waits until it is ready, and
 * learns when it dies. The server survives its death.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { type Duplex, PassThrough } from 'node:stream';
import type { Logger } from '../logger.js';
import { entryArguments, type HeapLimits } from './entry-arguments.js';
import type { LinkMessage } from './frame-codec.js';
import type { MediaFrame } from './link-messages.js';
import { MediaLink } from './media-link.js';

const READY_MS = 20_000;
/** Signals by which native code ends a process. */
const NATIVE_FAULTS: ReadonlySet<NodeJS.Signals> = new Set<NodeJS.Signals>([
  'SIGSEGV',
  'SIGBUS',
  'SIGABRT',
  'SIGILL',
  'SIGFPE',
  'SIGTRAP',
]);
/** Default of {@link LinkedProcessOptions.closeMs}. */
const CLOSE_MS = 2000;

export interface LinkedProcessEvents {
  onMessage(message: LinkMessage): void;
  onFrame(frame: MediaFrame): void;
  /**
   * It died unasked. Called at most once.
   * @param native whether it may have died in native code: it hung, or a fault ended it.
   */
  onCrash(reason: string, native: boolean): void;
}

export interface LinkedProcessOptions {
  /** For the log. */
  readonly name: string;
  /** Compiled entry file. */
  readonly entry: URL;
  readonly environment: Readonly<Record<string, string>>;
  readonly heap: HeapLimits;
  /** An open file that it gets as its descriptor 4. */
  readonly file?: number | undefined;
  /** It is killed this long after it was asked to end. Default 2000. */
  readonly closeMs?: number;
}

export class LinkedProcess {
  /** Resolves with its `ready` message. Rejects if it dies before that. */
  readonly ready: Promise<LinkMessage>;
  private readonly child: ChildProcess;
  private readonly link: MediaLink;
  private readonly exited: Promise<void>;
  private closing = false;
  private dead = false;

  constructor(
    private readonly options: LinkedProcessOptions,
    logger: Logger,
    private readonly events: LinkedProcessEvents,
  ) {
    const { name, entry, environment, heap, file = 'ignore' } = options;
    this.child = spawn(process.execPath, entryArguments(entry, heap), {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', file],
      env: { ...environment },
    });
    this.child.stderr?.on('data', (text: Buffer) => {
      logger.warn(
        { process: name, pid: this.pid, text: text.toString('utf8').slice(0, 2000) },
        'a process wrote to its standard error',
      );
    });
    let markReady: (message: LinkMessage) => void = () => {};
    let failReady: (error: Error) => void = () => {};
    this.ready = new Promise<LinkMessage>((resolve, reject) => {
      markReady = resolve;
      failReady = reject;
    });
    // Callers that await `ready` see the failure; without one it is not an unhandled rejection.
    this.ready.catch(() => {});
    const late = setTimeout(() => this.die('not ready in time'), READY_MS);
    this.ready.then(
      () => clearTimeout(late),
      () => clearTimeout(late),
    );
    // Without file descriptors left there is no pipe: the error of the child follows.
    const pipe = this.child.stdio?.[3] as Duplex | undefined;
    this.link = new MediaLink(pipe ?? new PassThrough(), {
      onMessage: (message) => {
        if (message.type === 'ready') markReady(message);
        else if (message.type === 'failed') this.die(`failed: ${message.message}`);
        else events.onMessage(message);
      },
      onFrame: (frame) => events.onFrame(frame),
      onClose: (error) => this.linkClosed(error),
    });
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        failReady(new Error(`${name} process exited (${signal ?? code})`));
        const native = signal !== null && NATIVE_FAULTS.has(signal);
        this.die(signal ? `killed by ${signal}` : `exit code ${code}`, native);
        resolve();
      });
      this.child.once('error', (error) => {
        failReady(error);
        this.die(error.message);
        resolve();
      });
    });
  }

  /** Bytes that wait to be sent to it. */
  get queuedBytes(): number {
    return this.link.queuedBytes;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Whether it has ended or was asked to end. */
  get over(): boolean {
    return this.closing || this.dead;
  }

  send(message: LinkMessage): void {
    this.link.send(message);
  }

  /** @returns false if the process does not keep up and the frame was dropped. */
  sendFrame(frame: MediaFrame): boolean {
    return this.link.sendFrame(frame);
  }

  /** Ends the process; resolves when it is gone. Idempotent. */
  async close(): Promise<void> {
    if (!this.closing) {
      this.closing = true;
      this.send({ type: 'close' });
      const kill = setTimeout(() => this.child.kill('SIGKILL'), this.options.closeMs ?? CLOSE_MS);
      this.exited.then(() => clearTimeout(kill)).catch(() => {});
    }
    await this.exited;
  }

  /** Its exit says more than the closed link: it may have died of a signal just now. */
  private linkClosed(error: Error | undefined): void {
    const isReset = error !== undefined && 'code' in error;
    if (error && !isReset) this.die(`link: ${error.message}`);
    else if (!this.closing) this.child.kill('SIGKILL');
  }

  /**
   * Kills the process. Reported as a crash, unless it is being closed.
   * @param native see {@link LinkedProcessEvents.onCrash}.
   */
  die(reason: string, native = false): void {
    if (this.dead) return;
    this.dead = true;
    this.link.close();
    if (this.closing) return;
    this.child.kill('SIGKILL');
    this.events.onCrash(reason, native);
  }
}

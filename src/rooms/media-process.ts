/**
 * One media process as the server sees it: spawned, ready, used, gone. The server survives whatever
 * happens to it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type {
  MediaCommand,
  MediaCounters,
  MediaEvent,
  MediaFrame,
  SourceId,
} from '../link/link-messages.js';
import { MediaLink } from '../link/media-link.js';
import type { Logger } from '../logger.js';
import type { CompositeCodec } from '../shared/units.js';

/** A process that has not reported for so long hangs, and is killed. */
const HANG_MS = 5000;
const READY_MS = 20_000;

export interface MediaProcessUser {
  onEvent(event: MediaEvent): void;
  onFrame(frame: MediaFrame): void;
  /** The process is gone without having been asked to. Called at most once. */
  onCrash(reason: string): void;
}

const ENTRY = fileURLToPath(new URL('../media/main.js', import.meta.url));

export class MediaProcess {
  /** Resolves with the codecs it can encode. */
  readonly ready: Promise<readonly CompositeCodec[]>;
  counters: MediaCounters = {};
  sourceCounters: Readonly<Record<SourceId, MediaCounters>> = {};
  private readonly child: ChildProcess;
  private readonly link: MediaLink;
  private readonly exited: Promise<void>;
  private user: MediaProcessUser | undefined;
  private watchdog: NodeJS.Timeout | undefined;
  private closing = false;
  private dead = false;

  constructor(private readonly logger: Logger) {
    this.child = spawn(process.execPath, ['--enable-source-maps', ENTRY], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      // SVT-AV1 would write a page for each encoder that is opened.
      env: { UV_THREADPOOL_SIZE: '4', SVT_LOG: '1' },
    });
    this.child.stderr?.on('data', (text: Buffer) => {
      this.logger.warn(
        { mediaPid: this.pid, text: text.toString('utf8').slice(0, 2000) },
        'media process wrote',
      );
    });
    let markReady: (encoders: readonly CompositeCodec[]) => void = () => {};
    let failReady: (error: Error) => void = () => {};
    this.ready = new Promise<readonly CompositeCodec[]>((resolve, reject) => {
      markReady = resolve;
      failReady = reject;
    });
    // Whoever awaits `ready` sees the failure; nobody has to.
    this.ready.catch(() => {});
    const late = setTimeout(() => this.die('not ready in time'), READY_MS);
    this.ready.then(
      () => clearTimeout(late),
      () => clearTimeout(late),
    );
    this.link = new MediaLink(this.child.stdio[3] as unknown as Duplex, {
      onMessage: (message) => {
        const event = message as MediaEvent;
        if (event.type === 'ready') markReady(event.encoders);
        else this.handle(event);
      },
      onFrame: (frame) => this.user?.onFrame(frame),
      onClose: (error) => this.die(error ? `link: ${error.message}` : 'link closed'),
    });
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        failReady(new Error(`media process exited (${signal ?? code})`));
        this.die(signal ? `killed by ${signal}` : `exit code ${code}`);
        resolve();
      });
      this.child.once('error', (error) => {
        failReady(error);
        this.die(error.message);
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Puts the process to work; it reports once a second from the 'configure' command on. */
  use(user: MediaProcessUser): void {
    this.user = user;
    this.feedWatchdog();
  }

  send(command: MediaCommand): void {
    this.link.send(command);
  }

  /** @returns false if the process does not keep up and the frame was dropped. */
  sendFrame(frame: MediaFrame): boolean {
    return this.link.sendFrame(frame);
  }

  /** Ends the process; resolves when it is gone. */
  async close(): Promise<void> {
    if (!this.closing) {
      this.closing = true;
      if (this.watchdog) clearTimeout(this.watchdog);
      this.send({ type: 'close' });
      const kill = setTimeout(() => this.child.kill('SIGKILL'), 2000);
      this.exited.then(() => clearTimeout(kill)).catch(() => {});
    }
    await this.exited;
  }

  private handle(event: MediaEvent): void {
    if (event.type === 'stats') {
      this.counters = event.counters;
      this.sourceCounters = event.sources;
      this.feedWatchdog();
    }
    if (event.type === 'failed') {
      this.die(`failed: ${event.message}`);
      return;
    }
    this.user?.onEvent(event);
  }

  private feedWatchdog(): void {
    if (this.watchdog) clearTimeout(this.watchdog);
    if (this.closing || this.dead) return;
    this.watchdog = setTimeout(() => this.die('no sign of life'), HANG_MS);
  }

  private die(reason: string): void {
    if (this.dead) return;
    this.dead = true;
    if (this.watchdog) clearTimeout(this.watchdog);
    this.link.close();
    if (this.closing) return;
    this.child.kill('SIGKILL');
    this.user?.onCrash(reason);
  }
}

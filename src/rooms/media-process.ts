/** One media process, seen from the server: commands and frames go in, events and frames come out. */
import type { MediaCommand, MediaEvent, MediaFrame } from '../link/link-messages.js';
import { LinkedProcess } from '../link/linked-process.js';
import type { MediaSnapshot } from '../link/media-counters.js';
import type { Logger } from '../logger.js';
import type { CompositeCodec } from '../protocol/codec-names.js';

/** A process that has not reported for this long hangs, and is killed. */
const HANG_MS = 5000;

export interface MediaProcessUser {
  onEvent(event: MediaEvent): void;
  onFrame(frame: MediaFrame): void;
  /** The process died unasked. Called at most once. */
  onCrash(reason: string): void;
}

export class MediaProcess {
  /** Resolves with the codecs that it can encode. Rejects if it cannot start. */
  readonly ready: Promise<readonly CompositeCodec[]>;
  /** What the process reported last; undefined before its first report. */
  snapshot: MediaSnapshot | undefined;
  private readonly linked: LinkedProcess;
  private user: MediaProcessUser | undefined;
  private watchdog: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    this.linked = new LinkedProcess(
      {
        name: 'media',
        entry: new URL('../mixer/main.js', import.meta.url),
        // SVT-AV1 writes a page for each encoder by default.
        environment: { UV_THREADPOOL_SIZE: '4', SVT_LOG: '1' },
      },
      logger,
      {
        onMessage: (message) => this.handle(message as MediaEvent),
        onFrame: (frame) => this.user?.onFrame(frame),
        onCrash: (reason) => {
          clearTimeout(this.watchdog);
          this.user?.onCrash(reason);
        },
      },
    );
    this.ready = this.linked.ready.then((message) =>
      'encoders' in message ? message.encoders : [],
    );
    this.ready.catch(() => {});
  }

  get pid(): number | undefined {
    return this.linked.pid;
  }

  /** Sets the user and starts the watchdog: send `configure` next, the process then reports each second. */
  use(user: MediaProcessUser): void {
    this.user = user;
    this.feedWatchdog();
  }

  get queuedBytes(): number {
    return this.linked.queuedBytes;
  }

  send(command: MediaCommand): void {
    this.linked.send(command);
  }

  /** @returns false if the process does not keep up and the frame was dropped. */
  sendFrame(frame: MediaFrame): boolean {
    return this.linked.sendFrame(frame);
  }

  /** Ends the process; resolves when it is gone. */
  async close(): Promise<void> {
    clearTimeout(this.watchdog);
    await this.linked.close();
  }

  private handle(event: MediaEvent): void {
    if (event.type === 'stats') {
      this.snapshot = event;
      this.feedWatchdog();
    }
    this.user?.onEvent(event);
  }

  private feedWatchdog(): void {
    clearTimeout(this.watchdog);
    if (this.linked.over) return;
    this.watchdog = setTimeout(() => this.linked.die('no sign of life'), HANG_MS);
  }
}

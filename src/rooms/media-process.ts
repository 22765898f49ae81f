/** One media process, seen from the server: commands and frames go in, events and frames come out. */
import { CrashNotes } from '../link/crash-notes.js';
import { CHECK_INTERVAL_MS, HangDetector } from '../link/hang-detector.js';
import type { MediaCommand, MediaEvent, MediaFrame, SourceId } from '../link/link-messages.js';
import { LinkedProcess } from '../link/linked-process.js';
import type { MediaSnapshot } from '../link/media-counters.js';
import { threadActivity } from '../link/thread-activity.js';
import type { Logger } from '../logger.js';
import type { CompositeCodec } from '../protocol/codec-names.js';

/**
 * A room keeps about 15 MB of objects. The limit is far above: V8 collects at once when native memory that it
 * is told of, as that of pictures, exceeds half of it.
 */
const HEAP = { oldMegabytes: 2048, youngMegabytes: 4 };
/** glibc: few arenas, and freed memory goes back to the system. The spare process takes 28 MB less. */
const MEMORY = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '1048576',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

export interface MediaProcessUser {
  onEvent(event: MediaEvent): void;
  onFrame(frame: MediaFrame): void;
  /**
   * The process died unasked. Called at most once.
   * @param suspects sources that were in native code; undefined if that was not the reason.
   */
  onCrash(reason: string, suspects: readonly SourceId[] | undefined): void;
}

export class MediaProcess {
  /** Resolves with the codecs that it can encode. Rejects if it cannot start. */
  readonly ready: Promise<readonly CompositeCodec[]>;
  /** What the process reported last; undefined before its first report. */
  snapshot: MediaSnapshot | undefined;
  private readonly linked: LinkedProcess;
  private user: MediaProcessUser | undefined;
  private watchdog: NodeJS.Timeout | undefined;
  private readonly hangs = new HangDetector();
  private readonly notes: CrashNotes | undefined;
  /** The source whose call has not come back; undefined if none is known of. */
  private hanging: SourceId | undefined;

  constructor(logger: Logger) {
    try {
      this.notes = CrashNotes.open();
    } catch (error) {
      logger.warn({ error }, 'after a crash of a media process its cause will not be known');
    }
    this.linked = new LinkedProcess(
      {
        name: 'media',
        entry: new URL('../mixer/main.js', import.meta.url),
        // SVT-AV1 writes a page for each encoder by default.
        environment: { UV_THREADPOOL_SIZE: '4', SVT_LOG: '1', ...MEMORY },
        heap: HEAP,
        file: this.notes?.fd,
      },
      logger,
      {
        onMessage: (message) => this.handle(message as MediaEvent),
        onFrame: (frame) => this.user?.onFrame(frame),
        onCrash: (reason, native) => {
          clearInterval(this.watchdog);
          this.user?.onCrash(reason, native ? this.suspects() : undefined);
          this.notes?.close();
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

  /** Sets the user and starts the watchdog. */
  use(user: MediaProcessUser): void {
    this.user = user;
    if (this.linked.over) return;
    this.watchdog = setInterval(() => this.look(), CHECK_INTERVAL_MS);
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
    clearInterval(this.watchdog);
    await this.linked.close();
    this.notes?.close();
  }

  private handle(event: MediaEvent): void {
    this.hangs.heartbeat();
    if (event.type === 'alive') return;
    if (event.type === 'stats') this.snapshot = event;
    if (event.type === 'hung') {
      this.hanging = event.source;
      this.linked.die('a decoder does not come back', true);
      return;
    }
    this.user?.onEvent(event);
  }

  /** Kills the process if it hangs. */
  private look(): void {
    const { pid } = this;
    const reason = this.hangs.check(() => (pid === undefined ? undefined : threadActivity(pid)));
    if (reason !== undefined) this.linked.die(reason, true);
  }

  private suspects(): readonly SourceId[] {
    return this.hanging === undefined ? (this.notes?.read() ?? []) : [this.hanging];
  }
}

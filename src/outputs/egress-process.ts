/** One egress process, as the server sees it. */
import type { EgressCommand, EgressEvent } from '../link/egress-messages.js';
import type { MediaFrame } from '../link/link-messages.js';
import { LinkedProcess } from '../link/linked-process.js';
import type { Logger } from '../logger.js';

const HEAP = { oldMegabytes: 2048, youngMegabytes: 16 };

export interface EgressProcessEvents {
  onEvent(event: EgressEvent): void;
  /** The process ended without being asked to. Called at most once, and not after `close()`. */
  onCrash(reason: string): void;
}

export interface EgressProcessOptions {
  /** Time between `close()` and a kill, in milliseconds: what it writes must be ended by then. */
  readonly closeMs: number;
}

export class EgressProcess {
  private readonly linked: LinkedProcess;

  constructor(logger: Logger, events: EgressProcessEvents, { closeMs }: EgressProcessOptions) {
    this.linked = new LinkedProcess(
      {
        name: 'egress',
        entry: new URL('../egress/main.js', import.meta.url),
        environment: { UV_THREADPOOL_SIZE: '4' },
        heap: HEAP,
        closeMs,
      },
      logger,
      {
        onMessage: (message) => events.onEvent(message as EgressEvent),
        onFrame: () => {},
        onCrash: (reason) => events.onCrash(reason),
      },
    );
  }

  get pid(): number | undefined {
    return this.linked.pid;
  }

  send(command: EgressCommand): void {
    this.linked.send(command);
  }

  /** @returns false if the process does not keep up and the frame was dropped. */
  sendFrame(frame: MediaFrame): boolean {
    return this.linked.sendFrame(frame);
  }

  /** Asks the process to end, and kills it if that takes too long. Resolves when it is gone. */
  close(): Promise<void> {
    return this.linked.close();
  }
}

/** One egress process as the server sees it. */
import type { EgressCommand, EgressEvent } from '../link/egress-messages.js';
import type { MediaFrame } from '../link/link-messages.js';
import { LinkedProcess } from '../link/linked-process.js';
import type { Logger } from '../logger.js';

/** The end of what it writes may take so long on a slow disk. */
const CLOSE_MS = 10_000;

export interface EgressProcessEvents {
  onEvent(event: EgressEvent): void;
  /** The process is gone without having been asked to. Called at most once. */
  onCrash(reason: string): void;
}

export class EgressProcess {
  private readonly linked: LinkedProcess;

  constructor(logger: Logger, events: EgressProcessEvents, { closeMs = CLOSE_MS } = {}) {
    this.linked = new LinkedProcess(
      {
        name: 'egress',
        entry: new URL('../egress/main.js', import.meta.url),
        environment: { UV_THREADPOOL_SIZE: '4' },
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

  async close(): Promise<void> {
    await this.linked.close();
  }
}

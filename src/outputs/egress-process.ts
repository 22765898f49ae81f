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

type Usage = Omit<Extract<EgressEvent, { type: 'usage' }>, 'type'>;

const NOTHING: Usage = { cpuMicros: 0, rssBytes: 0 };
const running = new Map<EgressProcess, Usage>();
let endedCpuMicros = 0;

/** What all egress processes of this server take: CPU since it began, and memory now. */
export function egressUsage(): Usage {
  let [cpuMicros, rssBytes] = [endedCpuMicros, 0];
  for (const usage of running.values()) {
    cpuMicros += usage.cpuMicros;
    rssBytes += usage.rssBytes;
  }
  return { cpuMicros, rssBytes };
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
        onMessage: (message) => {
          const event = message as EgressEvent;
          if (event.type !== 'usage') events.onEvent(event);
          else if (running.has(this)) running.set(this, event);
        },
        onFrame: () => {},
        onCrash: (reason) => {
          this.gone();
          events.onCrash(reason);
        },
      },
    );
    running.set(this, NOTHING);
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
    this.gone();
  }

  private gone(): void {
    endedCpuMicros += running.get(this)?.cpuMicros ?? 0;
    running.delete(this);
  }
}

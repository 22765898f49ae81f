/** Starts the egress processes of a server and adds up what they use. */
import type { EgressEvent } from '../link/egress-messages.js';
import type { Logger } from '../logger.js';
import { EgressProcess, type EgressProcessEvents } from './egress-process.js';

/** The end of a file may take this long on a slow disk. */
const CLOSE_MS = 10_000;

/** CPU time since the server began, ended processes included; memory in use now. */
export type EgressUsage = Omit<Extract<EgressEvent, { type: 'usage' }>, 'type'>;

/** A running egress process. The owner closes it, unless it crashed. */
export type EgressHandle = Pick<EgressProcess, 'pid' | 'send' | 'sendFrame' | 'close'>;

/** Starts egress processes. Tests have another implementation. */
export interface EgressLauncher {
  /** @param options.closeMs time between `close()` and a kill. */
  launch(
    logger: Logger,
    events: EgressProcessEvents,
    options?: { readonly closeMs?: number },
  ): EgressHandle;
}

const NO_USAGE: EgressUsage = { cpuMicros: 0, rssBytes: 0 };

export class EgressProcesses implements EgressLauncher {
  private readonly running = new Map<symbol, EgressUsage>();
  private endedCpuMicros = 0;

  get usage(): EgressUsage {
    let [cpuMicros, rssBytes] = [this.endedCpuMicros, 0];
    for (const usage of this.running.values()) {
      cpuMicros += usage.cpuMicros;
      rssBytes += usage.rssBytes;
    }
    return { cpuMicros, rssBytes };
  }

  launch(
    logger: Logger,
    events: EgressProcessEvents,
    { closeMs = CLOSE_MS }: { readonly closeMs?: number } = {},
  ): EgressHandle {
    const key = Symbol('egress process');
    this.running.set(key, NO_USAGE);
    const process = new EgressProcess(
      logger,
      {
        onEvent: (event) => {
          if (event.type !== 'usage') events.onEvent(event);
          else if (this.running.has(key)) this.running.set(key, event);
        },
        onCrash: (reason) => {
          this.ended(key);
          events.onCrash(reason);
        },
      },
      { closeMs },
    );
    return {
      get pid() {
        return process.pid;
      },
      send: (command) => process.send(command),
      sendFrame: (frame) => process.sendFrame(frame),
      close: async () => {
        await process.close();
        this.ended(key);
      },
    };
  }

  private ended(key: symbol): void {
    this.endedCpuMicros += this.running.get(key)?.cpuMicros ?? 0;
    this.running.delete(key);
  }
}

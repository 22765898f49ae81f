/** The three innocent people of the call, in a process of their own: the fuzzer's work does not delay them. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CALL, type FuzzServer, INNOCENTS } from './server.js';

/** What the innocents noticed since the last report. All times in milliseconds. */
export interface CallReport {
  readonly people: readonly {
    readonly name: string;
    /** Longest time without one of the others' tones, on the clock of the received sound. */
    readonly soundGapMs: number;
    /** Longest time between two packets of sound. */
    readonly soundPauseMs: number;
    /** Longest time between two frames of the composite, on its own clock. */
    readonly pictureGapMs: number;
    /** Longest time in which one of the innocents' tiles did not change; undefined of people who do not look. */
    readonly tileGapMs?: number | undefined;
  }[];
  /** The longest time by which their process itself was late. */
  readonly ownDelayMs: number;
}

export interface CallOrder {
  readonly signalUrl: string;
  readonly room: string;
  readonly people: readonly { readonly name: string; readonly token: string }[];
}

const PROCESS = fileURLToPath(new URL('./call-process.ts', import.meta.url));

export class InnocentCall {
  private constructor(private readonly child: ChildProcess) {}

  /** Resolves when all of them see and hear one another. */
  static async start(server: FuzzServer): Promise<InnocentCall> {
    const people = await Promise.all(
      INNOCENTS.map(async (name) => ({
        name,
        token: await server.tokenFor(CALL, 'participant', name),
      })),
    );
    const order: CallOrder = { signalUrl: server.server.signalUrl, room: CALL, people };
    const child = fork(PROCESS, [JSON.stringify(order)], { execArgv: ['--import', 'tsx'] });
    const call = new InnocentCall(child);
    await call.answer();
    return call;
  }

  async report(): Promise<CallReport> {
    this.child.send('report');
    return (await this.answer()) as CallReport;
  }

  close(): void {
    this.child.kill();
  }

  private async answer(): Promise<unknown> {
    const over = new AbortController();
    const options = { signal: over.signal };
    const gone = once(this.child, 'exit', options).then(() => {
      throw new Error('the process of the innocents ended');
    });
    try {
      const [message] = (await Promise.race([once(this.child, 'message', options), gone])) as [
        unknown,
      ];
      return message;
    } finally {
      // The one that did not come is not awaited any more.
      gone.catch(() => {});
      over.abort();
    }
  }
}

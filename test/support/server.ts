import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));
/** Environment of a server whose heap holds only what it keeps, every three seconds. */
export const COLLECT_GARBAGE = {
  NODE_OPTIONS: `--import ${fileURLToPath(new URL('./collect-garbage.mjs', import.meta.url))}`,
};

export interface ServerStats {
  readonly sessions: number;
  readonly rooms: readonly {
    readonly id: string;
    readonly mediaPid: number;
    readonly counters: Record<string, number>;
    readonly participants: readonly {
      readonly id: string;
      readonly name: string;
      readonly state: string;
      readonly counters: Record<string, number>;
    }[];
  }[];
  /** Bytes. */
  readonly memory: { readonly rss: number; readonly heapUsed: number };
  /** Timers that run. */
  readonly timers: number;
  /** Microseconds. */
  readonly cpu: { readonly user: number; readonly system: number };
}

/** The built server in its own process, as users run it. */
export class TestServer {
  /** Of an operator, where the server has keys. */
  token: string | undefined;

  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    readonly log: string[],
    /** Where it keeps what outlives it. */
    readonly dataDir: string,
  ) {}

  /**
   * @param cores that it may run on; all by default.
   * @param main its entry; by default the one that was built.
   */
  static async start(
    environment: Record<string, string> = {},
    cores?: readonly number[],
    main = MAIN,
  ): Promise<TestServer> {
    const dataDir = environment.TESSERA_DATA_DIR ?? join(tmpdir(), `tessera-test-${randomUUID()}`);
    const command = [...(cores ? ['taskset', '-c', cores.join()] : []), process.execPath, main];
    const child = spawn(command[0] as string, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        TESSERA_PORT: '0',
        TESSERA_LOG_LEVEL: 'info',
        TESSERA_SERVER_DRAIN_SECONDS: '0',
        TESSERA_LIMITS_REQUESTS_PER_MINUTE: '1000000',
        TESSERA_LIMITS_SOCKETS_PER_ADDRESS: '10000',
        // Tones are no voices: Opus takes them for noise that need not be sent.
        TESSERA_AUDIO_DTX: 'off',
        // What comes out must not depend on how busy the machine is.
        TESSERA_LOAD_CONTROL: 'off',
        TESSERA_LOAD_ADMISSION: '100',
        TESSERA_LOAD_MEMORY: '100',
        TESSERA_DATA_MIN_FREE_SPACE: '0',
        TESSERA_DATA_DIR: dataDir,
        ...environment,
      },
    });
    const log: string[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      const take = (chunk: Buffer) => {
        const text = chunk.toString();
        log.push(text);
        if (process.env.SHOW_LOG) process.stderr.write(text);
        const found = /Open (\S+)\/\?room/.exec(text);
        if (found) resolve(found[1] as string);
      };
      child.stdout?.on('data', take);
      child.stderr?.on('data', take);
      child.once('exit', (code) => reject(new Error(`server exited (${code}): ${log.join('')}`)));
    });
    return new TestServer(url, child, log, dataDir);
  }

  get signalUrl(): string {
    return `${this.url.replace(/^http/, 'ws')}/signal`;
  }

  get pid(): number {
    return this.child.pid as number;
  }

  async stats(): Promise<ServerStats> {
    const headers = this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
    return (await (await fetch(`${this.url}/stats`, { headers })).json()) as ServerStats;
  }

  async room(id: string): Promise<ServerStats['rooms'][number] | undefined> {
    return (await this.stats()).rooms.find((room) => room.id === id);
  }

  /** Sends a signal, as an operator does. */
  signal(name: 'SIGTERM' | 'SIGINT'): void {
    this.child.kill(name);
  }

  /** The exit code; undefined while it runs. */
  get exitCode(): number | undefined {
    return this.child.exitCode ?? undefined;
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await gone;
  }
}

/**
 * Waits until `check` gives something truthy, and gives that; fails with `what` after a deadline that is
 * generous, so that slow machines pass.
 */
export async function waitFor<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 20_000,
): Promise<T> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > until) throw new Error(`timed out waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** For tests of time itself: how long something lasts, or that nothing happens meanwhile. Else `waitFor`. */
export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** The load generator as a bench uses it: a process of its own, whose CPU is counted apart. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LayerName } from '../fixtures.js';
import { cpuSeconds } from './process-cpu.js';

/** People who come. */
export interface LoadOrder {
  /** Of the server's `/signal`. */
  readonly url: string;
  readonly room: string;
  /** Number of rooms that they are spread over: `room-0`, `room-1`, ... */
  readonly rooms?: number;
  readonly count: number;
  /** Layers of the camera that each sends: none is no camera, several are simulcast. */
  readonly layers: readonly LayerName[];
  /** Sends sound; three of all talk at a time. */
  readonly sound: boolean;
  /** Who does not talk sends next to nothing. */
  readonly dtx?: boolean;
  /** Receives the composite and the mix. */
  readonly receives: boolean;
  /** Of them, only the mix. */
  readonly soundOnly?: boolean;
  readonly receiveCodec: 'vp8' | 'h264';
  readonly token?: string;
  /** Between one and the next. */
  readonly pauseMs?: number;
}

/** What came since the last report. */
export interface PersonReport {
  readonly audioPackets: number;
  readonly audioLost: number;
  /** Too late to be played. */
  readonly audioLate: number;
  readonly videoPackets: number;
  readonly videoLost: number;
  readonly frames: number;
  readonly longestGapMs: number;
  /** From asking to the connection. */
  readonly joinMs: number;
}

export interface LoadReport {
  readonly people: readonly PersonReport[];
  /** Of those who were refused. */
  readonly failures: readonly string[];
  /** Monotonic microseconds from which the frames count. */
  readonly start: number;
}

export class Load {
  private constructor(private readonly child: ChildProcess) {}

  static async start(): Promise<Load> {
    const child = fork(fileURLToPath(new URL('./load-process.ts', import.meta.url)), [], {
      execArgv: ['--import', 'tsx'],
    });
    await once(child, 'message');
    return new Load(child);
  }

  /** Lets more people come; resolves when they are there. */
  grow(order: LoadOrder): Promise<LoadReport> {
    return this.ask({ grow: order });
  }

  /** Lets those who came last leave. */
  shrink(count: number): Promise<LoadReport> {
    return this.ask({ shrink: count });
  }

  /** What came since the last time. */
  report(): Promise<LoadReport> {
    return this.ask({});
  }

  get cpuSeconds(): number {
    return cpuSeconds(this.child.pid as number);
  }

  get pid(): number {
    return this.child.pid as number;
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }

  private async ask(message: object): Promise<LoadReport> {
    const answer = once(this.child, 'message');
    this.child.send(message);
    return (await answer)[0] as LoadReport;
  }
}

/** Runs senders and viewers for a while, and reports what the viewers got. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Replay } from './replay.js';
import type { RtpClient } from './rtp-client.js';
import { StreamMeter, type StreamReport } from './stream-meter.js';
import type { TestPattern } from './test-pattern.js';

export interface LoadOptions {
  readonly publishers: number;
  readonly viewers: number;
  readonly durationMs: number;
  readonly pattern: TestPattern;
  /** Undefined if it cannot be brought in. */
  publisher(index: number): Promise<RtpClient>;
  viewer(index: number): Promise<RtpClient>;
  /** Called as the load proceeds. */
  onJoined(count: number): void;
  onElapsed(ms: number): void;
}

export interface ViewerResult extends StreamReport {
  /** From asking to join to the first packet of the picture; NaN if none came. */
  readonly joinMs: number;
}

export interface LoadResult {
  readonly viewers: readonly ViewerResult[];
  /** Reasons of those who could not be brought in. */
  readonly failures: readonly string[];
  /** How late the generator itself was, 99th percentile: large, it measures itself. */
  readonly generatorDelayMs: number;
}

const PROGRESS_MS = 250;

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const replay = new Replay();
  const clients: RtpClient[] = [];
  const failures: string[] = [];
  const watching: { client: RtpClient; meter: StreamMeter; askedAt: number }[] = [];
  const join = async (make: () => Promise<RtpClient>): Promise<RtpClient | undefined> => {
    try {
      const client = await make();
      clients.push(client);
      return client;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
      return undefined;
    } finally {
      options.onJoined(clients.length);
    }
  };
  try {
    for (let index = 0; index < options.publishers; index++) {
      const client = await join(() => options.publisher(index));
      if (client) replay.add(client, options.pattern);
    }
    for (let index = 0; index < options.viewers; index++) {
      const askedAt = Date.now();
      const client = await join(() => options.viewer(index));
      if (!client) continue;
      const meter = new StreamMeter(client);
      watching.push({ client, meter, askedAt });
    }
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const start = performance.now();
    for (let at = start; at - start < options.durationMs; at = performance.now()) {
      options.onElapsed(at - start);
      await sleep(Math.min(PROGRESS_MS, options.durationMs - (at - start)));
    }
    options.onElapsed(options.durationMs);
    delay.disable();
    const now = performance.now();
    return {
      failures,
      generatorDelayMs: delay.percentile(99) / 1e6,
      viewers: watching.map(({ client, meter, askedAt }) => ({
        ...meter.report(now),
        joinMs: client.firstVideoAt > 0 ? client.firstVideoAt - askedAt : Number.NaN,
      })),
    };
  } finally {
    replay.stop();
    await Promise.all(clients.map((client) => client.leave()));
  }
}

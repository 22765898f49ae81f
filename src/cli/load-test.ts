/** `tessera load-test`: senders and viewers in a room, and a table of what the viewers got. */
import { MultiBar, Presets } from 'cli-progress';
import type { Command } from 'commander';
import { type LoadResult, runLoad } from '../bots/load.js';
import { encodeTestPattern } from '../bots/test-pattern.js';
import { TesseraError } from '../errors.js';
import { cleanRoomId } from '../rooms/names.js';
import { ApiClient, withServer } from './api-client.js';
import type { CliContext } from './context.js';
import { secondsOf } from './duration.js';
import { percentile, positiveNumber, wholeNumber } from './numbers.js';
import { bringIn, nameOf } from './people.js';
import { table } from './table.js';

interface LoadTestOptions {
  readonly room: string;
  readonly publishers: number;
  readonly viewers: number;
  readonly duration: string;
  readonly json?: boolean;
  readonly minFps?: number;
  readonly maxJoin?: number;
  readonly maxGap?: number;
  readonly maxLoss?: number;
}

export interface LoadSummary {
  readonly publishers: number;
  readonly viewers: number;
  readonly failed: number;
  readonly joinMs: { readonly p50: number; readonly p95: number };
  readonly framesPerSecond: { readonly p50: number; readonly min: number };
  readonly longestGapMs: { readonly p50: number; readonly max: number };
  readonly lossPercent: number;
  readonly generatorDelayMs: number;
}

/** Above this the load generator itself is too slow for the results to count. */
const BUSY_MS = 50;

function summarize(
  { publishers, viewers }: LoadTestOptions,
  { viewers: results, failures, generatorDelayMs }: LoadResult,
): LoadSummary {
  const joins = results.map(({ joinMs }) => joinMs);
  const rates = results.map(({ frames, seconds }) => (seconds > 0 ? frames / seconds : 0));
  const gaps = results.map(({ longestGapMs }) => longestGapMs);
  const sum = (of: 'lost' | 'expected') => results.reduce((total, one) => total + one[of], 0);
  return {
    publishers,
    viewers,
    failed: failures.length + joins.filter(Number.isNaN).length,
    joinMs: { p50: percentile(joins, 0.5), p95: percentile(joins, 0.95) },
    framesPerSecond: { p50: percentile(rates, 0.5), min: Math.min(...rates) },
    longestGapMs: { p50: percentile(gaps, 0.5), max: Math.max(...gaps) },
    lossPercent: (100 * sum('lost')) / Math.max(1, sum('expected')),
    generatorDelayMs,
  };
}

function describe(summary: LoadSummary): string {
  const { joinMs, framesPerSecond, longestGapMs } = summary;
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  return table(
    ['', 'median', 'worst'],
    [
      ['join to first picture (worst: p95)', ms(joinMs.p50), ms(joinMs.p95)],
      ['frames a second', framesPerSecond.p50.toFixed(1), framesPerSecond.min.toFixed(1)],
      ['longest gap between frames', ms(longestGapMs.p50), ms(longestGapMs.max)],
      ['packets lost', `${summary.lossPercent.toFixed(2)} %`, ''],
      ['could not join', `${summary.failed}`, ''],
      ['the generator itself was late', ms(summary.generatorDelayMs), ''],
    ],
  );
}

function missed(summary: LoadSummary, options: LoadTestOptions): string[] {
  const { minFps, maxJoin, maxGap, maxLoss } = options;
  const limits: [string, number, number | undefined, boolean][] = [
    ['frames a second', summary.framesPerSecond.min, minFps, true],
    ['join (p95, ms)', summary.joinMs.p95, maxJoin, false],
    ['longest gap (ms)', summary.longestGapMs.max, maxGap, false],
    ['packets lost (%)', summary.lossPercent, maxLoss, false],
  ];
  const found = limits.flatMap(([name, value, limit, atLeast]) => {
    if (limit === undefined || (atLeast ? value >= limit : value <= limit)) return [];
    return [`${name}: ${value.toFixed(2)}, wanted ${atLeast ? 'at least' : 'at most'} ${limit}`];
  });
  return summary.failed > 0 ? [...found, `${summary.failed} could not join or saw nothing`] : found;
}

export function addLoadTest(program: Command, context: CliContext): void {
  const command = program
    .command('load-test')
    .description('load a running server with people and viewers, and show what the viewers got')
    .option('--room <name>', 'the room', 'load-test')
    .option('--publishers <people>', 'who send 640x360 and a tone', wholeNumber(0, 1000), 8)
    .option('--viewers <people>', 'who receive the mix', wholeNumber(1, 1000), 20)
    .option('--duration <time>', 'as 30s or 5m', '1m')
    .option('--json', 'the result as JSON')
    .option('--min-fps <rate>', 'fail if a viewer gets fewer frames a second', positiveNumber)
    .option('--max-join <ms>', 'fail if joining takes longer (p95)', positiveNumber)
    .option('--max-gap <ms>', 'fail if a viewer sees a longer gap', positiveNumber)
    .option('--max-loss <percent>', 'fail if more packets are lost', positiveNumber);
  withServer(command).action(async () => {
    const options = command.opts<LoadTestOptions>();
    const seconds = secondsOf(options.duration);
    if (seconds === undefined) {
      throw new TesseraError('bad_request', `${options.duration} is not a duration`, {
        next: 'Use something like 30s or 5m.',
      });
    }
    const api = await ApiClient.from(command, context);
    const summary = await run(api, options, seconds, context.isTerminal && !options.json);
    console.log(options.json ? JSON.stringify(summary, null, 2) : describe(summary));
    if (summary.generatorDelayMs > BUSY_MS) {
      console.error('The load generator was too busy: run it on another machine than the server.');
    }
    const faults = missed(summary, options);
    if (faults.length > 0) throw new TesseraError('threshold_missed', faults.join('; '));
  });
}

async function run(
  api: ApiClient,
  options: LoadTestOptions,
  seconds: number,
  showsBars: boolean,
): Promise<LoadSummary> {
  const people = { url: api.url, room: cleanRoomId(options.room), key: api.key };
  const { publishers, viewers } = options;
  const bars = showsBars
    ? new MultiBar(
        { format: '{name} {bar} {value}/{total}', hideCursor: true, clearOnComplete: false },
        Presets.shades_classic,
      )
    : undefined;
  const joined = bars?.create(publishers + viewers, 0, { name: 'joined ' });
  const elapsed = bars?.create(seconds, 0, { name: 'seconds' });
  try {
    const result = await runLoad({
      publishers,
      viewers,
      durationMs: seconds * 1000,
      pattern: await encodeTestPattern('Load test', 0),
      publisher: (index) => bringIn(people, nameOf(index), 'participant', false),
      viewer: (index) => bringIn(people, `Viewer ${index + 1}`, 'viewer', true),
      onJoined: (count) => joined?.update(count),
      onElapsed: (ms) => elapsed?.update(Math.round(ms / 1000)),
    });
    for (const failure of new Set(result.failures)) console.error(`Could not join: ${failure}`);
    return summarize(options, result);
  } finally {
    bars?.stop();
  }
}

/**
 * How the test files are run. The lanes run one after the other; the files of a lane run side by side,
 * as many at once as it has workers. A file that is in no list is in the lane `media`.
 */
import { availableParallelism } from 'node:os';

export interface Lane {
  readonly name: string;
  /** Test files, as patterns below `test/`. */
  readonly files: readonly string[];
  /** Files that other lanes run. */
  readonly except: readonly string[];
  /** How many files run at the same time. */
  readonly workers: number;
  readonly testTimeoutMs: number;
}

/** Files that mostly wait for timers and messages: several of them together use less than a core. */
const WAITING = [
  'pipeline/api.test.ts',
  'pipeline/cli.test.ts',
  'pipeline/events.test.ts',
  'pipeline/images.test.ts',
  'pipeline/life-cycle.test.ts',
  'pipeline/limits.test.ts',
  'pipeline/moderation.test.ts',
  'pipeline/signalling.test.ts',
  'pipeline/transport.test.ts',
  'pipeline/whip.test.ts',
];

const CORES = Math.max(2, availableParallelism());

export const LANES: readonly Lane[] = [
  {
    name: 'unit',
    files: ['unit/**/*.test.ts'],
    except: [],
    workers: CORES,
    testTimeoutMs: 60_000,
  },
  {
    name: 'waiting',
    files: WAITING,
    except: [],
    workers: CORES + 1,
    testTimeoutMs: 120_000,
  },
  {
    name: 'media',
    files: ['pipeline/*.test.ts', 'e2e/*.test.ts'],
    except: WAITING,
    workers: 1,
    testTimeoutMs: 120_000,
  },
];

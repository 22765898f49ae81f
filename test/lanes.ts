/**
 * How the test files are run. The lanes run one after the other; the files of a lane run side by side,
 * as many at once as it has workers.
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
  /**
   * Tries of a failed test after the first. A test that needs one is listed as flaky in the closing lines.
   * Browsers on two busy cores miss a beep or a second now and then: until those tests are found and
   * mended, real media has one more try.
   */
  readonly retry: number;
}

/** Files with tests of how fast or how evenly something happens: each has the machine for itself. */
const TIMING = [
  'e2e/call-timing.test.ts',
  // Chromium's fake microphone stutters on a busy machine.
  'e2e/dtx.test.ts',
  'e2e/page.test.ts',
  'e2e/renditions.test.ts',
  'pipeline/fuzz.test.ts',
  'pipeline/hostile.test.ts',
  'pipeline/load.test.ts',
  'pipeline/recording-sync.test.ts',
  'pipeline/viewers.test.ts',
];

const CORES = Math.max(2, availableParallelism());

export const LANES: readonly Lane[] = [
  {
    name: 'unit',
    files: ['unit/**/*.test.ts'],
    except: [],
    workers: CORES,
    testTimeoutMs: 60_000,
    retry: 0,
  },
  {
    // Real media and real browsers. Half of the time is waiting: two files at once use two cores.
    name: 'media',
    files: ['pipeline/*.test.ts', 'e2e/*.test.ts'],
    except: TIMING,
    workers: 2,
    testTimeoutMs: 120_000,
    retry: 1,
  },
  { name: 'timing', files: TIMING, except: [], workers: 1, testTimeoutMs: 120_000, retry: 1 },
];

import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { LANES } from './lanes.js';
import { RETRIES } from './retries.js';
import { FlakyReporter } from './support/flaky-reporter.js';
import { SOAK_TAG } from './support/soak-tag.js';

const common = {
  hookTimeout: 60_000,
  // Of `test.concurrent`: real media, on the cores that the other files of the lane use too.
  maxConcurrency: 2,
  tags: [SOAK_TAG],
  // SVT-AV1 writes a page for each encoder by default.
  env: { SVT_LOG: '1' },
};

const lanes: TestProjectInlineConfiguration[] = LANES.map(
  ({ name, files, except, workers, testTimeoutMs, retry }, index) => ({
    root: import.meta.dirname,
    test: {
      ...common,
      name,
      include: [...files],
      exclude: [...except, ...Object.keys(RETRIES)],
      maxWorkers: workers,
      retry,
      sequence: { groupOrder: index + 1 },
      testTimeout: testTimeoutMs,
    },
  }),
);

/** Each file that may be tried again, alone and after all the others. */
const retried: TestProjectInlineConfiguration[] = Object.entries(RETRIES).map(
  ([file, { times }]) => ({
    root: import.meta.dirname,
    test: {
      ...common,
      name: `retried: ${file.replace('.test.ts', '')}`,
      include: [file],
      maxWorkers: 1,
      retry: times,
      sequence: { groupOrder: LANES.length + 1 },
      testTimeout: 180_000,
    },
  }),
);

export default defineConfig({
  root: import.meta.dirname,
  test: {
    projects: [...lanes, ...retried],
    reporters: ['default', new FlakyReporter()],
  },
});

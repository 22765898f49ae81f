import { defineConfig } from 'vitest/config';

/** One file at a time: the real-media tests share two cores. */
export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ['**/*.test.ts'],
    fileParallelism: false,
    // Real media on shared cores: once more before a failure counts.
    retry: 1,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});

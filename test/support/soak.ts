import { test } from 'vitest';
import { SOAK_TAG } from './soak-tag.js';

/** A long form of a test. Only `./scripts/test soak` runs it; it may take half an hour. */
export function soak(name: string, run: () => Promise<void>): void {
  test(name, { tags: [SOAK_TAG.name] }, run);
}

import { test } from 'vitest';
import { SOAK_TAG } from './soak-tag.js';

/** A long form of a test. Only `./scripts/test soak` runs it; it may take half an hour, or as long as it says. */
export function soak(name: string, run: () => Promise<void>, timeout?: number): void {
  const options = { tags: [SOAK_TAG.name] };
  test(name, timeout === undefined ? options : { ...options, timeout }, run);
}

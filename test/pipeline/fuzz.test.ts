/** The short form of the fuzzer, and its earlier findings. See docs/fuzzing.md. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { keptFindings } from '../../scripts/fuzz/findings.js';
import { soak } from '../support/soak.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** As `npm run fuzz` does, in a process of its own. @returns what it printed. */
async function fuzzer(...options: string[]): Promise<string> {
  const run = promisify(execFile)('npx', ['tsx', 'scripts/fuzz/main.ts', ...options], {
    cwd: ROOT,
  });
  const { stdout } = await run.catch((error: { stdout: string; stderr: string }) => error);
  return stdout;
}

test('a minute of inputs of all kinds beside a call of four', { timeout: 240_000 }, async () => {
  expect(await fuzzer('--seconds', '60', '--seed', '17')).toContain(' inputs, 0 findings');
});

test('findings of earlier runs do not come again', { timeout: 240_000 }, async () => {
  const replays = keptFindings().flatMap((path) => ['--replay', path]);
  if (replays.length === 0) return;
  expect(await fuzzer(...replays)).toContain(' inputs, 0 findings');
});

soak('half an hour of inputs of all kinds', async () => {
  const seed = String(Date.now() % 1_000_000);
  expect(await fuzzer('--seconds', '1500', '--seed', seed)).toContain(' inputs, 0 findings');
});

/** Results of a test run, by part, and the lines that end it. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** A test that failed, or that passed on a later try. */
export interface Trouble {
  /** File and test. */
  readonly test: string;
  /** First line of the first error. */
  readonly error: string;
}

/** A part of a run: a lane of tests, or a step such as the build. */
export interface PartResult {
  readonly part: string;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: readonly Trouble[];
  readonly flaky: readonly Trouble[];
}

/** Adds parts to a file that several commands of one run share. */
export function saveResults(path: string, parts: readonly PartResult[]): void {
  for (const part of parts) appendFileSync(path, `${JSON.stringify(part)}\n`);
}

export function readResults(path: string): PartResult[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as PartResult);
}

const list = (title: string, troubles: readonly Trouble[]): string[] =>
  troubles.length === 0
    ? []
    : ['', title, ...troubles.map(({ test, error }) => `  ${test}\n    ${error}`)];

/** Minutes of each part, flaky tests, failed tests, and the line `N passed, N failed`. */
export function closingLines(parts: readonly PartResult[]): string[] {
  const rows = parts.map(({ part, seconds, passed, failed, flaky }) =>
    [
      part.padEnd(32),
      `${(seconds / 60).toFixed(1).padStart(5)} min`,
      passed > 0 ? `${String(passed).padStart(5)} passed` : '',
      failed.length > 0 ? `${failed.length} failed` : '',
      flaky.length > 0 ? `${flaky.length} flaky` : '',
    ]
      .join('  ')
      .trimEnd(),
  );
  const failed = parts.flatMap((part) => part.failed);
  const flaky = parts.flatMap((part) => part.flaky);
  const passed = parts.reduce((sum, part) => sum + part.passed, 0);
  return [
    '',
    ...rows,
    ...list('Flaky: these passed on a later try. Find out why, and fix them.', flaky),
    ...list('Failed:', failed),
    '',
    `${passed} passed, ${failed.length} failed`,
  ];
}

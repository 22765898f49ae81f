/** How many inputs each target has had since its last finding, in all runs that were recorded. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../../test/captures/fuzz-total.json', import.meta.url));

export interface TargetTotal {
  readonly from: 'module' | 'peer' | 'outside';
  /** Since the last finding. */
  readonly inputs: number;
}

/** By the name of the target. */
export type Totals = Readonly<Record<string, TargetTotal>>;

export function readTotals(): Totals {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Totals;
}

export function writeTotals(totals: Totals): void {
  writeFileSync(FILE, `${JSON.stringify(totals, undefined, 2)}\n`);
}

export function sumOf(totals: Totals): number {
  return Object.values(totals).reduce((sum, { inputs }) => sum + inputs, 0);
}

const FROM = {
  module: 'the module itself',
  peer: 'somebody with a token',
  outside: 'anybody',
} as const;

/** The table of the documentation. */
export function totalsTable(totals: Totals): string {
  const rows = Object.entries(totals).map(
    ([name, { from, inputs }]) => `| \`${name}\` | ${FROM[from]} | ${format(inputs)} |`,
  );
  return [
    '| target | from | inputs without a finding |',
    '| --- | --- | ---: |',
    ...rows,
    `| all | | ${format(sumOf(totals))} |`,
  ].join('\n');
}

export function format(count: number): string {
  return count.toLocaleString('en-US');
}

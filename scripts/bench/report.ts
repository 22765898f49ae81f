/** Rows of the bench's table. */

export interface Row {
  readonly what: string;
  readonly measured: string;
  /** What it is measured against, in the same run. */
  readonly against: string;
  /** Of the two; NaN where there is none, which is null in the file. */
  readonly ratio: number;
  /** What is wanted of it; empty where nothing is. */
  readonly goal: string;
  readonly command: string;
}

export type Bench = (args: readonly string[]) => Promise<Row[]>;

export const percent = (share: number) => `${Math.round(share * 100)} %`;

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** `p50 / p95 / p99 ms`. */
export function spread(values: readonly number[]): string {
  return `${[0.5, 0.95, 0.99].map((share) => Math.round(percentile(values, share))).join(' / ')} ms`;
}

export function tableOf(rows: readonly Row[]): string {
  const head = ['measured', 'Tessera', 'against', 'ratio', 'goal', 'again by `npm run bench -- `'];
  const cells = rows.map(({ what, measured, against, ratio, goal, command }) => [
    what,
    measured,
    against,
    Number.isFinite(ratio) ? ratio.toFixed(2) : '',
    goal,
    command,
  ]);
  return [head, head.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

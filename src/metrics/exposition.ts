/** Text in Prometheus' exposition format 0.0.4, family by family. */
import type { TimeHistogram } from '../util/stage-times.js';

export type Labels = Readonly<Record<string, string>>;
export type Values = readonly (readonly [Labels, number])[];
export type MetricType = 'counter' | 'gauge' | 'histogram';

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const SPECIAL = /[\\"\n]/;

function escaped(value: string): string {
  if (!SPECIAL.test(value)) return value;
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}

function written(labels: Labels): string {
  let text = '';
  for (const name in labels) {
    text += `${text === '' ? '' : ','}${name}="${escaped(labels[name] ?? '')}"`;
  }
  return text === '' ? '' : `{${text}}`;
}

export class Exposition {
  private readonly lines: string[] = [];

  /** Begins a family; its values follow. */
  family(name: string, type: MetricType, help: string): void {
    this.lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  }

  values(name: string, values: Values): void {
    for (const [labels, value] of values) this.lines.push(`${name}${written(labels)} ${value}`);
  }

  /** @param bounds of the buckets, in microseconds; the histogram has one count more. */
  histogram(
    name: string,
    labels: Labels,
    { counts, sumMicros }: TimeHistogram,
    bounds: readonly number[],
  ): void {
    let below = 0;
    for (const [i, count] of counts.entries()) {
      below += count;
      const bound = bounds[i];
      const le = bound === undefined ? '+Inf' : `${bound / 1e6}`;
      this.lines.push(`${name}_bucket${written({ ...labels, le })} ${below}`);
    }
    this.lines.push(`${name}_sum${written(labels)} ${sumMicros / 1e6}`);
    this.lines.push(`${name}_count${written(labels)} ${below}`);
  }

  get text(): string {
    return `${this.lines.join('\n')}\n`;
  }
}

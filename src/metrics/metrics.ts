/**
 * `/metrics`: what the server counts, in the format of Prometheus. A scrape takes one snapshot and writes
 * it in slices, so that media need not wait for it. Scrapes at the same time share one.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { WorkSlices } from '../util/work-slices.js';
import { DEFINITIONS, type Definition, define, perRoom } from './definitions.js';
import { EXPOSITION_TYPE, Exposition } from './exposition.js';
import { FAMILIES } from './families.js';
import type { MetricsSnapshot } from './metrics-snapshot.js';

const ALL: readonly Definition[] = [
  ...FAMILIES.flatMap(({ name, help, values }) => [
    define('counter', name, help, ({ totals }) => values(totals)),
    define('counter', `room_${name}`, `${help}, by room`, ({ rooms }) =>
      perRoom(rooms, ({ totals }) => values(totals)),
    ),
  ]),
  ...DEFINITIONS,
];

export class Metrics {
  readonly contentType = EXPOSITION_TYPE;
  /** Node's own: heap, garbage collection, handles. */
  private readonly node = new Registry();
  private scrape: Promise<string> | undefined;

  /** @param read called once for each scrape. */
  constructor(private readonly read: () => MetricsSnapshot) {
    collectDefaultMetrics({ register: this.node });
  }

  text(): Promise<string> {
    this.scrape ??= this.write(this.read()).finally(() => {
      this.scrape = undefined;
    });
    return this.scrape;
  }

  private async write(snapshot: MetricsSnapshot): Promise<string> {
    const to = new Exposition();
    const slices = new WorkSlices();
    for (const { name, type, help, write } of ALL) {
      const whole = `tessera_${name}`;
      to.family(whole, type, help);
      write(to, whole, snapshot);
      await slices.next();
    }
    return `${await this.node.metrics()}\n${to.text}`;
  }
}

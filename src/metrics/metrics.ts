/** `/metrics`: what the server counts, in the format of Prometheus. Each scrape reads everything once. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { AdmissionStats } from '../rooms/admission.js';
import type { RegistrySnapshot } from '../rooms/registry.js';
import { STAGES, type Stage, TIME_BOUNDS, type TimeHistogram } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import { FAMILIES, type Labels } from './families.js';

const BUCKETS = TIME_BOUNDS.map((micros) => micros / 1e6);

type HistogramValues = Awaited<ReturnType<Histogram<string>['get']>>;

/** A histogram whose counts are kept elsewhere. */
class KeptHistogram extends Histogram<string> {
  constructor(
    registry: Registry,
    private readonly head: { readonly name: string; readonly help: string },
    labelNames: string[],
    private readonly read: () => readonly (readonly [Labels, TimeHistogram])[],
  ) {
    super({ ...head, labelNames, buckets: BUCKETS, registers: [registry] });
  }

  override async get(): Promise<HistogramValues> {
    const { name } = this.head;
    const values: HistogramValues['values'] = [];
    for (const [labels, { counts, sumMicros }] of this.read()) {
      let below = 0;
      for (const [i, count] of counts.entries()) {
        below += count;
        const le = BUCKETS[i] ?? '+Inf';
        values.push({ labels: { ...labels, le }, value: below, metricName: `${name}_bucket` });
      }
      values.push({ labels, value: sumMicros / 1e6, metricName: `${name}_sum` });
      values.push({ labels, value: below, metricName: `${name}_count` });
    }
    // The library's types have a number here, the library a word.
    const type = 'histogram' as unknown as HistogramValues['type'];
    return { ...this.head, type, aggregator: 'sum', collect: () => {}, values };
  }

  /** The registry calls this instead of `get`; it is missing in the library's types. */
  getForPromString(): Promise<HistogramValues> {
    return this.get();
  }
}

type Values = readonly (readonly [Labels, number])[];

/** Everything that one scrape reads. */
export interface MetricsSnapshot extends RegistrySnapshot {
  readonly load: AdmissionStats;
  /** The egress processes: CPU time since the server began, memory now. */
  readonly egress: { readonly cpuMicros: Micros; readonly rssBytes: number };
}

const NOTHING: MetricsSnapshot = {
  rooms: [],
  totals: { counters: {}, encodes: [] },
  load: {
    joins_refused_cpu: 0,
    joins_refused_room: 0,
    load_steps_down: 0,
    load_steps_up: 0,
    load_level: 0,
    load_percent: 0,
    cores_used_milli: 0,
    cores_limit_milli: 0,
    cores_per_room_milli: 0,
    cores_per_sender_milli: 0,
    cores_per_viewer_milli: 0,
  },
  egress: { cpuMicros: 0, rssBytes: 0 },
};

type MeasuredRoom = MetricsSnapshot['rooms'][number];

export class Metrics {
  private readonly registry = new Registry();
  /** Read once for all families of a scrape. */
  private current = NOTHING;

  /** @param read called once for each scrape. */
  constructor(private readonly read: () => MetricsSnapshot) {
    collectDefaultMetrics({ register: this.registry });
    this.addFamilies();
    this.addRooms();
    this.addLoad();
    this.addProcesses();
    this.addStages();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    this.current = this.read();
    return this.registry.metrics();
  }

  private addFamilies(): void {
    for (const { name, help, labels, values } of FAMILIES) {
      this.counter(name, help, labels, () => values(this.current.totals));
      this.counter(`room_${name}`, `${help}, by room`, ['room', ...labels], () =>
        this.perRoom(({ totals }) => values(totals)),
      );
    }
  }

  private addRooms(): void {
    this.gauge('rooms', 'Rooms', [], () => [[{}, this.current.rooms.length]]);
    this.gauge('room_participants', 'People in a room, by kind', ['room', 'kind'], () =>
      this.perRoom(({ size, numVisible }) => [
        [{ kind: 'visible' }, numVisible],
        [{ kind: 'viewer' }, size - numVisible],
      ]),
    );
    this.gauge('room_queue_depth', 'What waits, by queue', ['room', 'queue'], () =>
      this.perRoom(({ queues }) => Object.entries(queues).map(([queue, n]) => [{ queue }, n])),
    );
  }

  private addLoad(): void {
    this.gauge('room_load_ratio', 'Share of a tick that the composite takes', ['room'], () =>
      this.perRoom(({ loadPercent }) => [[{}, loadPercent / 100]]),
    );
    this.gauge('room_load_level', 'Steps of load control taken in a room', ['room'], () =>
      this.perRoom(({ loadLevel }) => [[{}, loadLevel]]),
    );
    this.gauge('load_ratio', "Share of the CPU, or of the server's event loop, in use", [], () => [
      [{}, this.current.load.load_percent / 100],
    ]);
    this.gauge('load_level', 'Steps of load control that the server asks of all rooms', [], () => [
      [{}, this.current.load.load_level],
    ]);
    this.gauge('cpu_cores', 'Cores, by kind', ['kind'], () => {
      const { load } = this.current;
      return [
        [{ kind: 'used' }, load.cores_used_milli / 1000],
        [{ kind: 'limit' }, load.cores_limit_milli / 1000],
        [{ kind: 'per_room' }, load.cores_per_room_milli / 1000],
        [{ kind: 'per_sender' }, load.cores_per_sender_milli / 1000],
        [{ kind: 'per_viewer' }, load.cores_per_viewer_milli / 1000],
      ];
    });
    this.counter('joins_refused_total', 'Joins refused because the CPU is full', ['reason'], () => [
      [{ reason: 'server' }, this.current.load.joins_refused_cpu],
      [{ reason: 'room' }, this.current.load.joins_refused_room],
    ]);
  }

  private addProcesses(): void {
    const labels = ['process', 'room'];
    const processes = (
      server: number,
      egress: number,
      ofRoom: (room: MeasuredRoom) => number | undefined,
    ): Values => [
      [{ process: 'server', room: '' }, server],
      [{ process: 'egress', room: '' }, egress],
      ...this.perRoom((room) => [[{ process: 'media' }, ofRoom(room) ?? 0]]),
    ];
    this.counter('process_cpu_seconds_total', 'CPU of the processes', labels, () => {
      const { user, system } = process.cpuUsage();
      return processes(
        (user + system) / 1e6,
        this.current.egress.cpuMicros / 1e6,
        ({ cpuMicros = 0 }) => cpuMicros / 1e6,
      );
    });
    this.gauge('process_resident_memory_bytes', 'Memory of the processes', labels, () =>
      processes(
        process.memoryUsage.rss(),
        this.current.egress.rssBytes,
        ({ rssBytes }) => rssBytes,
      ),
    );
  }

  private addStages(): void {
    const name = 'tessera_room_stage_seconds';
    const help = `Time in a stage of the media's path: ${STAGES.join(', ')}`;
    new KeptHistogram(this.registry, { name, help }, ['room', 'stage'], () =>
      this.current.rooms.flatMap(({ id, stages }) =>
        Object.entries(stages).map(
          ([stage, histogram]: [string, TimeHistogram]) =>
            [{ room: id, stage: stage as Stage }, histogram] as const,
        ),
      ),
    );
  }

  private perRoom(values: (room: MeasuredRoom) => Values): Values {
    return this.current.rooms.flatMap((room) =>
      values(room).map(([labels, value]) => [{ ...labels, room: room.id }, value] as const),
    );
  }

  private counter(name: string, help: string, labels: readonly string[], read: () => Values): void {
    const metric: Counter<string> = new Counter({
      ...this.head(name, help, labels),
      collect: () => {
        metric.reset();
        for (const [of, value] of read()) metric.inc(of, value);
      },
    });
  }

  private gauge(name: string, help: string, labels: readonly string[], read: () => Values): void {
    const metric: Gauge<string> = new Gauge({
      ...this.head(name, help, labels),
      collect: () => {
        metric.reset();
        for (const [of, value] of read()) metric.set(of, value);
      },
    });
  }

  private head(name: string, help: string, labels: readonly string[]) {
    const registers = [this.registry];
    return { name: `tessera_${name}`, help, labelNames: [...labels], registers };
  }
}

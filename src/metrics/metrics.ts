/** `/metrics`: what the server counts, in the format of Prometheus. Read when it is asked for. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { RoomRegistry } from '../rooms/registry.js';
import type { Room } from '../rooms/room.js';
import { STAGES, type Stage, TIME_BOUNDS, type TimeHistogram } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import { FAMILIES, type Labels } from './families.js';

const BUCKETS = TIME_BOUNDS.map((micros) => micros / 1e6);

type HistogramValues = Awaited<ReturnType<Histogram<string>['get']>>;

/** A histogram that was kept elsewhere. */
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
    // The types have a number where the library has a word.
    const type = 'histogram' as unknown as HistogramValues['type'];
    return { ...this.head, type, aggregator: 'sum', collect: () => {}, values };
  }

  /** What the registry asks for in place of `get`; not in the library's types. */
  getForPromString(): Promise<HistogramValues> {
    return this.get();
  }
}

type Values = readonly (readonly [Labels, number])[];

export class Metrics {
  private readonly registry = new Registry();

  /** @param egress what the egress processes use: CPU time since the server began, memory now. */
  constructor(
    private readonly rooms: RoomRegistry,
    private readonly egress: () => { readonly cpuMicros: Micros; readonly rssBytes: number },
  ) {
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
    return this.registry.metrics();
  }

  private addFamilies(): void {
    for (const { name, help, labels, values } of FAMILIES) {
      this.counter(name, help, labels, () => values(this.rooms.totals));
      this.counter(`room_${name}`, `${help}, by room`, ['room', ...labels], () =>
        this.perRoom((room) => values(room.telemetry.totals)),
      );
    }
  }

  private addRooms(): void {
    const { rooms } = this;
    this.gauge('rooms', 'Rooms', [], () => [[{}, rooms.all.length]]);
    this.gauge('room_participants', 'People in a room, by what they are', ['room', 'kind'], () =>
      this.perRoom(({ telemetry: { size, numVisible } }) => [
        [{ kind: 'visible' }, numVisible],
        [{ kind: 'viewer' }, size - numVisible],
      ]),
    );
    this.gauge('room_queue_depth', 'What waits, by queue', ['room', 'queue'], () =>
      this.perRoom(({ telemetry }) =>
        Object.entries(telemetry.queues).map(([queue, n]) => [{ queue }, n]),
      ),
    );
  }

  private addLoad(): void {
    const { admission } = this.rooms;
    this.gauge('room_load_ratio', "Share of a tick's time that the picture takes", ['room'], () =>
      this.perRoom(({ telemetry: { counters } }) => [[{}, (counters.load_percent ?? 0) / 100]]),
    );
    this.gauge('room_load_level', 'Steps that the picture gives way by', ['room'], () =>
      this.perRoom(({ telemetry }) => [[{}, telemetry.loadLevel]]),
    );
    const stat = (name: string) => admission.stats[name] ?? 0;
    this.gauge('load_ratio', "Share of the CPU, or of the server's event loop, in use", [], () => [
      [{}, stat('load_percent') / 100],
    ]);
    this.gauge('load_level', 'Steps that the server asks of all rooms', [], () => [
      [{}, stat('load_level')],
    ]);
    this.gauge('cpu_cores', 'Cores, by what they are', ['kind'], () => [
      [{ kind: 'used' }, stat('cores_used_milli') / 1000],
      [{ kind: 'limit' }, stat('cores_limit_milli') / 1000],
      [{ kind: 'per_room' }, stat('cores_per_room_milli') / 1000],
      [{ kind: 'per_sender' }, stat('cores_per_sender_milli') / 1000],
      [{ kind: 'per_viewer' }, stat('cores_per_viewer_milli') / 1000],
    ]);
    this.counter(
      'joins_refused_total',
      'Joins refused for want of CPU, by whose',
      ['reason'],
      () => [
        [{ reason: 'server' }, stat('joins_refused_cpu')],
        [{ reason: 'room' }, stat('joins_refused_room')],
      ],
    );
  }

  private addProcesses(): void {
    const labels = ['process', 'room'];
    const processes = (
      server: number,
      egress: number,
      ofRoom: (room: Room) => number | undefined,
    ): Values => [
      [{ process: 'server', room: '' }, server],
      [{ process: 'egress', room: '' }, egress],
      ...this.perRoom((room) => [[{ process: 'media' }, ofRoom(room) ?? 0]]),
    ];
    this.counter('process_cpu_seconds_total', 'CPU of the processes', labels, () => {
      const { user, system } = process.cpuUsage();
      return processes(
        (user + system) / 1e6,
        this.egress().cpuMicros / 1e6,
        ({ telemetry: { cpuMicros } }) => cpuMicros && cpuMicros / 1e6,
      );
    });
    this.gauge('process_resident_memory_bytes', 'Memory of the processes', labels, () =>
      processes(
        process.memoryUsage.rss(),
        this.egress().rssBytes,
        ({ telemetry }) => telemetry.counters.rss_bytes,
      ),
    );
  }

  private addStages(): void {
    const name = 'tessera_room_stage_seconds';
    const help = `Time in a stage of the media's path: ${STAGES.join(', ')}`;
    new KeptHistogram(this.registry, { name, help }, ['room', 'stage'], () =>
      this.rooms.all.flatMap(({ id, telemetry }) =>
        Object.entries(telemetry.stages).map(
          ([stage, histogram]: [string, TimeHistogram]) =>
            [{ room: id, stage: stage as Stage }, histogram] as const,
        ),
      ),
    );
  }

  private perRoom(values: (room: Room) => Values): Values {
    return this.rooms.all.flatMap((room) =>
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

/** The metrics of `/metrics` that are not counters of media: rooms, load, processes and resources. */
import { DELAY_BOUNDS } from '../resources/event-loop-monitor.js';
import { STAGES, type Stage, TIME_BOUNDS, type TimeHistogram } from '../util/stage-times.js';
import type { Exposition, MetricType, Values } from './exposition.js';
import type { MeasuredRoom, MetricsSnapshot } from './metrics-snapshot.js';

export interface Definition {
  /** Without `tessera_`. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  write(to: Exposition, name: string, snapshot: MetricsSnapshot): void;
}

export function define(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  read: (snapshot: MetricsSnapshot) => Values,
): Definition {
  return { type, name, help, write: (to, name, snapshot) => to.values(name, read(snapshot)) };
}

/** The values of each room, with its name as the last label. */
export function perRoom(
  rooms: MetricsSnapshot['rooms'],
  values: (room: MeasuredRoom) => Values,
): Values {
  return rooms.flatMap((room) =>
    values(room).map(([labels, value]) => [{ ...labels, room: room.id }, value] as const),
  );
}

const ROOMS: readonly Definition[] = [
  define('gauge', 'rooms', 'Rooms', ({ rooms }) => [[{}, rooms.length]]),
  define('gauge', 'room_participants', 'People in a room, by kind', ({ rooms }) =>
    perRoom(rooms, ({ size, numVisible }) => [
      [{ kind: 'visible' }, numVisible],
      [{ kind: 'viewer' }, size - numVisible],
    ]),
  ),
  define('gauge', 'room_queue_depth', 'What waits, by queue', ({ rooms }) =>
    perRoom(rooms, ({ queues }) => Object.entries(queues).map(([queue, n]) => [{ queue }, n])),
  ),
  {
    type: 'histogram',
    name: 'room_stage_seconds',
    help: `Time in a stage of the media's path: ${STAGES.join(', ')}`,
    write: (to, name, { rooms }) => {
      for (const { id: room, stages } of rooms) {
        for (const [stage, times] of Object.entries(stages) as [Stage, TimeHistogram][]) {
          to.histogram(name, { room, stage }, times, TIME_BOUNDS);
        }
      }
    },
  },
];

const LOAD: readonly Definition[] = [
  define('gauge', 'room_load_ratio', 'Share of a tick that the composite takes', ({ rooms }) =>
    perRoom(rooms, ({ loadPercent }) => [[{}, loadPercent / 100]]),
  ),
  define('gauge', 'room_load_level', 'Steps of load control taken in a room', ({ rooms }) =>
    perRoom(rooms, ({ loadLevel }) => [[{}, loadLevel]]),
  ),
  define(
    'gauge',
    'load_ratio',
    "Share of the CPU, or of the server's event loop, in use",
    ({ load }) => [[{}, load.load_percent / 100]],
  ),
  define(
    'gauge',
    'load_level',
    'Steps of load control that the server asks of all rooms',
    ({ load }) => [[{}, load.load_level]],
  ),
  define('gauge', 'cpu_cores', 'Cores, by kind', ({ load }) => [
    [{ kind: 'used' }, load.cores_used_milli / 1000],
    [{ kind: 'limit' }, load.cores_limit_milli / 1000],
    [{ kind: 'per_room' }, load.cores_per_room_milli / 1000],
    [{ kind: 'per_sender' }, load.cores_per_sender_milli / 1000],
    [{ kind: 'per_viewer' }, load.cores_per_viewer_milli / 1000],
  ]),
  define(
    'counter',
    'joins_refused_total',
    'Joins refused because the CPU is full, or memory or descriptors are short',
    ({ load }) => [
      [{ reason: 'server' }, load.joins_refused_cpu],
      [{ reason: 'room' }, load.joins_refused_room],
      [{ reason: 'resources' }, load.joins_refused_resources],
    ],
  ),
];

function ofProcesses(
  rooms: MetricsSnapshot['rooms'],
  server: number,
  egress: number,
  ofRoom: (room: MeasuredRoom) => number | undefined,
): Values {
  return [
    [{ process: 'server', room: '' }, server],
    [{ process: 'egress', room: '' }, egress],
    ...perRoom(rooms, (room) => [[{ process: 'media' }, ofRoom(room) ?? 0]]),
  ];
}

const PROCESSES: readonly Definition[] = [
  define('counter', 'process_cpu_seconds_total', 'CPU of the processes', ({ rooms, egress }) => {
    const { user, system } = process.cpuUsage();
    const ofRoom = ({ cpuMicros = 0 }: MeasuredRoom) => cpuMicros / 1e6;
    return ofProcesses(rooms, (user + system) / 1e6, egress.cpuMicros / 1e6, ofRoom);
  }),
  define('gauge', 'process_resident_memory_bytes', 'Memory of the processes', (snapshot) => {
    const { rooms, egress } = snapshot;
    const own = process.memoryUsage.rss();
    return ofProcesses(rooms, own, egress.rssBytes, ({ rssBytes }) => rssBytes);
  }),
  define(
    'counter',
    'event_loop_blocked_total',
    "Times that the server's event loop stood still for 2 s or longer",
    ({ eventLoop }) => [[{}, eventLoop.blocked]],
  ),
  {
    type: 'histogram',
    name: 'event_loop_delay_seconds',
    help: "How late timers of the server's event loop are",
    write: (to, name, { eventLoop }) => to.histogram(name, {}, eventLoop.delay, DELAY_BOUNDS),
  },
];

const RESOURCES: readonly Definition[] = [
  define(
    'gauge',
    'resource_low',
    '1 while a resource is short: what is new and needs it is refused',
    ({ resources }) =>
      resources.measured.map(({ resource, isLow }) => [{ resource }, isLow ? 1 : 0]),
  ),
  define('gauge', 'resource_used', 'Bytes or file descriptors in use', ({ resources }) =>
    resources.measured.map(({ resource, used }) => [{ resource }, used]),
  ),
  define('gauge', 'resource_limit', 'Bytes or file descriptors that there are', ({ resources }) =>
    resources.measured.map(({ resource, limit }) => [{ resource }, limit]),
  ),
  define(
    'counter',
    'udp_receive_errors_total',
    'Datagrams that the system dropped because a receive buffer was full (RcvbufErrors)',
    ({ resources }) => [[{}, resources.udpDropped]],
  ),
  define(
    'counter',
    'records_not_kept_total',
    'Records that could not be written to data.dir: they are gone after a restart',
    ({ recordsNotKept }) => [[{}, recordsNotKept]],
  ),
];

export const DEFINITIONS: readonly Definition[] = [...ROOMS, ...LOAD, ...PROCESSES, ...RESOURCES];

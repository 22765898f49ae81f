/** A server with people in it, as the benches begin. */
import { sleep, TestServer } from '../../test/support/server.js';
import { Load, type LoadOrder, type LoadReport } from './load.js';
import { treeCpuSeconds } from './process-cpu.js';

/** Two loops of the content: a change of layer waits for its keyframe. */
export const SETTLE_MS = 11_000;

export const PEOPLE = {
  room: 'bench',
  layers: ['h'],
  sound: true,
  receives: true,
  receiveCodec: 'h264',
} as const satisfies Partial<LoadOrder>;

export interface Call {
  readonly server: TestServer;
  readonly load: Load;
  /** Lets people come. */
  grow(count: number, over?: Partial<LoadOrder>): Promise<LoadReport>;
}

/** Admission and load control are off by default, so that the whole cost shows. */
export async function withCall<T>(
  use: (call: Call) => Promise<T>,
  environment: Record<string, string> = {},
): Promise<T> {
  const server = await TestServer.start({ TESSERA_LOG_LEVEL: 'error', ...environment });
  const load = await Load.start();
  const grow = (count: number, over: Partial<LoadOrder> = {}) =>
    load.grow({ url: server.signalUrl, ...PEOPLE, count, ...over });
  try {
    return await use({ server, load, grow });
  } finally {
    load.stop();
    await server.close();
  }
}

export interface Cost {
  /** CPU seconds a second, of all processes. */
  readonly server: number;
  readonly generator: number;
  readonly seconds: number;
  readonly report: LoadReport;
  /** How much the counters of a room grew in a second. */
  perSecond(name: string): number;
}

interface Counted {
  readonly counters: Readonly<Record<string, number>>;
  readonly at: number;
}

/** A room's counters as soon as they are new: media processes tell theirs once a second. */
async function freshCounters(server: TestServer, room: string): Promise<Counted> {
  const read = async () => (await server.room(room))?.counters ?? {};
  const { audio_ticks: before } = await read();
  for (const until = performance.now() + 2000; performance.now() < until; await sleep(50)) {
    const counters = await read();
    if (counters.audio_ticks !== before) return { counters, at: performance.now() };
  }
  return { counters: await read(), at: performance.now() };
}

/** What a call costs for some seconds. */
export async function measureCost(
  { server, load }: Call,
  seconds: number,
  room: string = PEOPLE.room,
): Promise<Cost> {
  const before = await freshCounters(server, room);
  await load.report();
  const [cpu, own, at] = [treeCpuSeconds(server.pid), load.cpuSeconds, performance.now()];
  await sleep(seconds * 1000);
  const took = (performance.now() - at) / 1000;
  const [serverCpu, generatorCpu] = [treeCpuSeconds(server.pid) - cpu, load.cpuSeconds - own];
  const report = await load.report();
  const after = await freshCounters(server, room);
  const between = (after.at - before.at) / 1000;
  return {
    server: serverCpu / took,
    generator: generatorCpu / took,
    seconds: took,
    report,
    perSecond: (name) => ((after.counters[name] ?? 0) - (before.counters[name] ?? 0)) / between,
  };
}

/** Of those who receive the picture. */
export function frameRate({ report, seconds }: Cost): number {
  const receiving = report.people.filter(({ videoPackets }) => videoPackets > 0);
  const frames = receiving.reduce((sum, person) => sum + person.frames, 0);
  return frames / (receiving.length || 1) / seconds;
}

/** Share of the sound that was lost or came too late to be played. */
export function soundMissing({ report: { people } }: Cost): number {
  const sum = (of: 'audioLost' | 'audioLate' | 'audioPackets') =>
    people.reduce((total, person) => total + person[of], 0);
  return (sum('audioLost') + sum('audioLate')) / (sum('audioPackets') || 1);
}

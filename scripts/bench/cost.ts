/**
 * `npm run bench -- cost`: what a room costs against the codec floor, for 1 to 49 people who all send
 * and receive. Equal input: everybody sends 1280x720 and nothing else. Simulcast: everybody sends
 * three layers, as browsers do, and the floor decodes 640x360.
 */
import { sleep, TestServer } from '../../test/support/server.js';
import type { LayerName } from '../fixtures.js';
import { codecFloor } from './codec-floor.js';
import { Load, type LoadReport } from './load.js';
import { treeCpuSeconds } from './process-cpu.js';

/** Two loops of the content: a change of layer waits for its keyframe. */
const SETTLE_MS = 11_000;
const MEASURE_SECONDS = 10;
const FLOOR_SECONDS = 8;

export interface RoomCost {
  /** CPU seconds a second. */
  readonly server: number;
  readonly generator: number;
  /** Of the composite, as those who receive it got it. */
  readonly framesPerSecond: number;
  /** Share of the frames sent that were decoded, of those that are shown. */
  readonly report: LoadReport;
  readonly decodedPerSecond: number;
}

export function meanFrameRate({ people }: LoadReport, seconds: number): number {
  const receiving = people.filter(({ videoPackets }) => videoPackets > 0);
  return receiving.reduce((sum, { frames }) => sum + frames, 0) / (receiving.length || 1) / seconds;
}

/** What a room of `count` costs, once it has settled. */
export async function roomCost(
  count: number,
  layers: readonly LayerName[],
  receiveCodec: 'vp8' | 'h264',
): Promise<RoomCost> {
  const server = await TestServer.start({ TESSERA_LOG_LEVEL: 'error' });
  const load = await Load.start();
  try {
    const order = { url: server.signalUrl, room: 'cost', receives: true, sound: true } as const;
    await load.grow({ ...order, count, layers, receiveCodec });
    await sleep(SETTLE_MS);
    await load.report();
    const decoded = async () =>
      (await server.room('cost'))?.counters.video_frames_decoded ?? Number.NaN;
    const before = [treeCpuSeconds(server.pid), load.cpuSeconds, await decoded()] as const;
    const at = performance.now();
    await sleep(MEASURE_SECONDS * 1000);
    const seconds = (performance.now() - at) / 1000;
    const report = await load.report();
    return {
      server: (treeCpuSeconds(server.pid) - before[0]) / seconds,
      generator: (load.cpuSeconds - before[1]) / seconds,
      decodedPerSecond: ((await decoded()) - before[2]) / seconds / count,
      framesPerSecond: meanFrameRate(report, seconds),
      report,
    };
  } finally {
    load.stop();
    await server.close();
  }
}

const percent = (share: number) => `${Math.round(share * 100)} %`;

export async function benchCost(counts: readonly number[]): Promise<void> {
  for (const codec of ['h264', 'vp8'] as const) {
    for (const count of counts) {
      for (const [name, layers, floorLayer] of [
        ['equal', ['h'], 'h'],
        ['simulcast', ['h', 'm', 'l'], 'm'],
      ] as const) {
        const floor = await codecFloor(count, floorLayer, codec, FLOOR_SECONDS);
        const cost = await roomCost(count, layers, codec);
        console.log(
          `${codec} ${name} ${count}: server ${percent(cost.server)} floor ${percent(floor)} ratio ${(cost.server / floor).toFixed(2)}; generator ${percent(cost.generator)}; ${cost.framesPerSecond.toFixed(1)} fps, decoded ${cost.decodedPerSecond.toFixed(1)}`,
        );
      }
    }
  }
}

if (process.argv[2] === 'cost') await benchCost((process.argv[3] ?? '4,16').split(',').map(Number));

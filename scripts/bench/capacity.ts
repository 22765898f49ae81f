/**
 * How far one machine goes, and how the cost grows on the way: people in one room, and rooms of four,
 * until the composite falls below 25 frames a second or half a percent of the sound is missing. Browsers'
 * simulcast; nothing gives way. Rooms without a picture show how the cost of rooms grows where cores end
 * those with one early. `capacity people`, `rooms`, `sound` and `idle` do a part of it.
 */
import { sleep } from '../../test/support/server.js';
import { type Call, frameRate, measureCost, SETTLE_MS, soundMissing, withCall } from './call.js';
import type { LoadOrder } from './load.js';
import { treeCpuSeconds } from './process-cpu.js';
import { type Bench, percent, type Row } from './report.js';

const MEASURE_SECONDS = 8;
const MIN_FPS = 25;
const MAX_MISSING = 0.005;
const LAYERS = ['h', 'm', 'l'] as const;
const IN_ROOM = [1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144, 169, 196];
const ROOMS = [1, 2, 4, 6, 8, 10, 12, 14, 16];

interface Point {
  readonly n: number;
  readonly cores: number;
}

/** Least squares of `a + b n + c n²`: without a growing term, c adds little at the end. */
function polynomialOf(points: readonly Point[]): { a: number; b: number; c: number } {
  const rows = points.map(({ n, cores }) => [1, n, n * n, cores]);
  const m = [0, 1, 2].map((i) =>
    [0, 1, 2, 3].map((j) =>
      rows.reduce((sum, row) => sum + (row[i] as number) * (row[j] as number), 0),
    ),
  );
  for (let i = 0; i < 3; i++) {
    const pivot = m[i] as number[];
    for (const [k, row] of m.entries()) {
      if (k === i) continue;
      const factor = (row[i] as number) / (pivot[i] as number);
      for (let j = 0; j < 4; j++) row[j] = (row[j] as number) - factor * (pivot[j] as number);
    }
  }
  const [a, b, c] = m.map((row, i) => (row[3] as number) / (row[i] as number)) as [
    number,
    number,
    number,
  ];
  return { a, b, c };
}

function describe(points: readonly Point[], unit: string): string {
  if (points.length < 4) return '';
  const { a, b, c } = polynomialOf(points);
  const last = points.at(-1)?.n ?? 0;
  const square = (c * last * last) / (a + b * last + c * last * last);
  return `${percent(a)} + ${percent(b)} for each ${unit}; a square term adds ${percent(square)} at ${last}`;
}

/** Lets more come step by step until it is too much. */
async function climb(
  call: Call,
  steps: readonly number[],
  grow: (from: number, to: number) => Promise<unknown>,
  minFps = MIN_FPS,
): Promise<{ points: Point[]; held: number; why: string }> {
  const points: Point[] = [];
  let held = 0;
  for (const n of steps) {
    await grow(held, n);
    await sleep(SETTLE_MS);
    const cost = await measureCost(call, MEASURE_SECONDS);
    const [fps, missing] = [frameRate(cost), soundMissing(cost)];
    console.error({ n, cores: cost.server, generator: cost.generator, fps, missing });
    if (fps < minFps || missing > MAX_MISSING) {
      return {
        points,
        held,
        why: `${n}: ${fps.toFixed(0)} fps, ${(missing * 100).toFixed(1)} % of the sound missing`,
      };
    }
    points.push({ n, cores: cost.server });
    held = n;
  }
  return { points, held, why: 'no more were tried' };
}

type Found = Awaited<ReturnType<typeof climb>>;

const rowOf = (
  what: string,
  unit: string,
  { points, held, why }: Found,
  part: keyof typeof PARTS,
): Row => ({
  what: `${what}, with the generator on the same cores`,
  measured: `${held} (${why})`,
  against: describe(points, unit),
  ratio: Number.NaN,
  goal: 'linear',
  command: `capacity ${part}`,
});

async function peopleInOneRoom(): Promise<Row> {
  const found = await withCall(
    (call) => climb(call, IN_ROOM, (from, to) => call.grow(to - from, { layers: LAYERS })),
    { TESSERA_ROOM_MAX_PARTICIPANTS: `${Math.max(...IN_ROOM)}` },
  );
  return rowOf('people in one room', 'person', found, 'people');
}

async function climbRooms(order: Partial<LoadOrder>, minFps?: number): Promise<Found> {
  return withCall((call) =>
    climb(
      call,
      ROOMS,
      async (from, to) => {
        for (let room = from; room < to; room++) {
          await call.grow(4, { ...order, room: `bench-${room}` });
        }
      },
      minFps,
    ),
  );
}

async function roomsOfFour(): Promise<Row> {
  const found = await climbRooms({ layers: LAYERS });
  return rowOf('rooms of four', 'room', found, 'rooms');
}

async function roomsOfSound(): Promise<Row> {
  const found = await climbRooms({ layers: [], soundOnly: true }, 0);
  return rowOf('rooms of four with sound alone', 'room', found, 'sound');
}

async function nobodyThere(): Promise<Row> {
  const idle = await withCall(async ({ server }) => {
    await sleep(3000);
    const before = treeCpuSeconds(server.pid);
    await sleep(10_000);
    return (treeCpuSeconds(server.pid) - before) / 10;
  });
  const measured = `${(idle * 100).toFixed(1)} %`;
  return {
    what: 'nobody there',
    measured,
    against: '',
    ratio: Number.NaN,
    goal: '',
    command: 'capacity idle',
  };
}

const PARTS = {
  people: peopleInOneRoom,
  rooms: roomsOfFour,
  sound: roomsOfSound,
  idle: nobodyThere,
} as const;

export const benchCapacity: Bench = async ([parts = Object.keys(PARTS).join()]) => {
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(PARTS)) {
    if (parts.split(',').includes(name)) rows.push(await measure());
  }
  console.error(rows);
  return rows;
};

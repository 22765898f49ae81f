/**
 * Memory: of a server without rooms, of a room, of a participant, and after 500 joins and leaves.
 * `memory quiet 15` is that of a quiet room over 15 minutes; `memory room` stops after the room of one.
 */
import { COLLECT_GARBAGE, sleep } from '../../test/support/server.js';
import { type Call, SETTLE_MS, withCall } from './call.js';
import { processTree, rssBytes } from './process-cpu.js';
import { quietRoom } from './quiet-room.js';
import type { Bench, Row } from './report.js';

const PEOPLE = 16;
const CYCLES = 500;
const AT_ONCE = 10;
const MEGABYTE = 1 << 20;

interface Memory {
  /** The server process, and all below it. */
  readonly server: number;
  readonly all: number;
}

async function memory({ server }: Call): Promise<Memory> {
  const sum = processTree(server.pid).reduce((total, pid) => total + rssBytes(pid), 0);
  return { server: rssBytes(server.pid) / MEGABYTE, all: sum / MEGABYTE };
}

const text = ({ server, all }: Memory) =>
  `${all.toFixed(0)} MB, of it the server ${server.toFixed(0)} MB`;

async function benchQuiet(minutes: number): Promise<Row[]> {
  const { first, last, largest, growth } = await withCall((call) => quietRoom(call, minutes));
  return [
    {
      what: `a quiet room of two, ${minutes} minutes`,
      measured: `media process ${last.toFixed(0)} MB in the last minute, ${largest.toFixed(0)} MB at most`,
      against: `${first.toFixed(0)} MB in the second minute; ${growth.toFixed(0)} MB an hour by slope`,
      ratio: last / first,
      goal: 'at most 40 MB more in an hour',
      command: `memory quiet ${minutes}`,
    },
  ];
}

export const benchMemory: Bench = async ([part, minutes = '15']) => {
  if (part === 'quiet') return benchQuiet(Number(minutes));
  const rows: Row[] = [];
  const add = (what: string, measured: string, against = '', ratio = Number.NaN, goal = '') =>
    rows.push({ what, measured, against, ratio, goal, command: 'memory' });
  const measure = async (call: Call) => {
    await sleep(5000);
    const base = await memory(call);
    add('memory without rooms, a spare media process ready', text(base));
    const spares = new Set(processTree(call.server.pid));
    await call.grow(1, { layers: ['m'] });
    await sleep(SETTLE_MS);
    const one = await memory(call);
    const media = processTree(call.server.pid).map(
      (pid) => [spares.has(pid), rssBytes(pid) / MEGABYTE] as const,
    );
    add(
      'a room of one',
      `${(one.all - base.all).toFixed(0)} MB more`,
      `of it a new spare process ${media.find(([isOld]) => !isOld)?.[1].toFixed(0)} MB`,
    );
    if (part === 'room') return;
    await call.grow(PEOPLE - 1, { layers: ['m'] });
    await sleep(SETTLE_MS);
    const many = await memory(call);
    const each = (many.all - one.all) / (PEOPLE - 1);
    add(`each participant, of ${PEOPLE}`, `${each.toFixed(1)} MB more`);
    const cycle = async (count: number) => {
      for (let done = 0; done < count; done += AT_ONCE) {
        await call.grow(AT_ONCE, { layers: ['m'] });
        await call.load.shrink(AT_ONCE);
      }
      await sleep(5000);
    };
    await cycle(CYCLES / 2);
    const half = await memory(call);
    await cycle(CYCLES / 2);
    const end = await memory(call);
    const goal = 'no growth';
    add(
      `after ${CYCLES} joins and leaves`,
      text(end),
      `after ${CYCLES / 2} ${text(half)}`,
      end.all / half.all,
      goal,
    );
  };
  await withCall(measure, COLLECT_GARBAGE);
  console.error(rows);
  return rows;
};

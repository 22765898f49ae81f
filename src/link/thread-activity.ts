import { readFileSync } from 'node:fs';
import type { ThreadActivity } from './hang-detector.js';

/** Linux counts CPU time in hundredths of a second. */
const MICROS_PER_TICK = 10_000;

/** What Linux knows of a process's main thread; undefined on other systems, or if it is gone. */
export function threadActivity(pid: number): ThreadActivity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name in brackets may hold anything: fields are counted from the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', user = '', system = ''] = [fields[0], fields[11], fields[12]];
  return { state, cpuMicros: (Number(user) + Number(system)) * MICROS_PER_TICK };
}

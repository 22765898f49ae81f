import { readdirSync, readFileSync } from 'node:fs';
import type { ThreadActivity } from './hang-detector.js';

/**
 * What Linux knows of a process's main thread, and of how long its threads waited for a CPU; undefined
 * on other systems, or if it is gone.
 */
export function threadActivity(pid: number): ThreadActivity | undefined {
  const tasks = `/proc/${pid}/task`;
  try {
    const stat = readFileSync(`${tasks}/${pid}/stat`, 'utf8');
    // The name in brackets may hold anything: the state comes after the last bracket.
    const state = stat.charAt(stat.lastIndexOf(')') + 2);
    const [cpu] = schedule(`${tasks}/${pid}`);
    const waited = readdirSync(tasks).map((task) => schedule(`${tasks}/${task}`)[1]);
    return { state, cpuMicros: cpu, waitedMicros: waited.reduce((sum, one) => sum + one, 0) };
  } catch {
    return undefined;
  }
}

/** Microseconds that a thread has had a CPU, and has waited for one. */
function schedule(task: string): readonly [number, number] {
  const [cpu, waited] = readFileSync(`${task}/schedstat`, 'utf8').split(' ');
  return [Number(cpu) / 1000, Number(waited) / 1000];
}

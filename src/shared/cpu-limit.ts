/** How many cores this process and its children may use. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // No such control group: no such limit.
    return undefined;
  }
}

/** CFS bandwidth of the control group, version 2 or 1, in cores; unlimited if there is none. */
function quotaCores(): number {
  const [quota, period] = read('/sys/fs/cgroup/cpu.max')?.split(' ') ?? [
    read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'),
    read('/sys/fs/cgroup/cpu/cpu.cfs_period_us'),
  ];
  const cores = Number(quota) / Number(period);
  return cores > 0 ? cores : Number.POSITIVE_INFINITY;
}

/** Cores that the scheduler may give: of the affinity mask, and of the control group's bandwidth. */
export function cpuLimit(): number {
  return Math.min(availableParallelism(), quotaCores());
}

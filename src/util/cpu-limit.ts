/** How many cores this process and its children may use. */
import { availableParallelism } from 'node:os';
import { controllerFolders, type ReadText, readText } from './control-groups.js';

/**
 * CFS bandwidth of this process's control groups, version 2 or 1, in cores; infinite if there is none.
 * @see the kernel's Documentation/admin-guide/cgroup-v2.rst, `cpu.max`.
 */
export function quotaCores(read: ReadText = readText): number {
  const cores = controllerFolders('cpu', read).map(({ version, path }) => {
    const [quota, period] =
      version === 2
        ? (read(`${path}/cpu.max`)?.split(' ') ?? [])
        : ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((file) => read(`${path}/${file}`));
    return Number(quota) / Number(period);
  });
  return Math.min(...cores.filter((value) => value > 0), Number.POSITIVE_INFINITY);
}

/** Cores that the scheduler may give: of the affinity mask, and of the control groups' bandwidth. */
export function cpuLimit(): number {
  return Math.min(availableParallelism(), quotaCores());
}

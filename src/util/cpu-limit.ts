/** How many cores this process and its children may use. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** A file's text, trimmed; undefined if there is none. */
export type ReadText = (path: string) => string | undefined;

const ROOT = '/sys/fs/cgroup';

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // No such control group: no such limit.
    return undefined;
  }
}

/** A control group and those around it, whose limits hold for it too: `/a/b`, `/a`, and the root. */
function withAncestors(group: string): string[] {
  const names = group.split('/').filter((name) => name !== '');
  return names.map((_, i) => `/${names.slice(0, names.length - i).join('/')}`).concat('');
}

/**
 * CFS bandwidth of this process's control groups, version 2 or 1, in cores; infinite if there is none.
 * @see the kernel's Documentation/admin-guide/cgroup-v2.rst, `cpu.max`.
 */
export function quotaCores(read: ReadText = readText): number {
  const lines = read('/proc/self/cgroup')?.split('\n') ?? [];
  // `0::/path`, and of version 1 `4:cpu,cpuacct:/path`. In a container the path may be one of outside.
  const quotas = lines.flatMap((line) => {
    const [, controllers = '', group = ''] = line.split(':');
    const groups = withAncestors(group);
    if (controllers === '') return groups.map((path) => read(`${ROOT}${path}/cpu.max`)?.split(' '));
    if (!controllers.split(',').includes('cpu')) return [];
    return groups.map((path) =>
      ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((file) => read(`${ROOT}/cpu${path}/${file}`)),
    );
  });
  const cores = quotas.map((pair) => Number(pair?.[0]) / Number(pair?.[1]));
  return Math.min(...cores.filter((value) => value > 0), Number.POSITIVE_INFINITY);
}

/** Cores that the scheduler may give: of the affinity mask, and of the control groups' bandwidth. */
export function cpuLimit(): number {
  return Math.min(availableParallelism(), quotaCores());
}

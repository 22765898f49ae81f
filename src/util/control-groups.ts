/** The control groups of this process, and those around them, whose limits hold for it too. */
import { readFileSync } from 'node:fs';

/** A file's text, trimmed; undefined if there is none. */
export type ReadText = (path: string) => string | undefined;

const ROOT = '/sys/fs/cgroup';

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // No such control group: no such limit.
    return undefined;
  }
}

/** `/a/b`, `/a`, and the root. */
function withAncestors(group: string): string[] {
  const names = group.split('/').filter((name) => name !== '');
  return names.map((_, i) => `/${names.slice(0, names.length - i).join('/')}`).concat('');
}

/** A folder with the files of one controller, and the version of control groups that they are of. */
export interface ControllerFolder {
  readonly version: 1 | 2;
  readonly path: string;
}

/**
 * Folders of a controller, such as `memory`, the innermost first.
 * @see the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
 */
export function controllerFolders(controller: string, read: ReadText): ControllerFolder[] {
  const lines = read('/proc/self/cgroup')?.split('\n') ?? [];
  // `0::/path`, and of version 1 `4:cpu,cpuacct:/path`. In a container the path may be one of outside.
  return lines.flatMap((line): ControllerFolder[] => {
    const [, controllers = '', group = ''] = line.split(':');
    const groups = withAncestors(group);
    if (controllers === '') return groups.map((path) => ({ version: 2, path: `${ROOT}${path}` }));
    if (!controllers.split(',').includes(controller)) return [];
    return groups.map((path) => ({ version: 1, path: `${ROOT}/${controller}${path}` }));
  });
}

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Of V8's heap in one process, in MiB. */
export interface HeapLimits {
  /** For what lives on; a process that needs more ends. */
  readonly oldMegabytes: number;
  /** One of the two halves that new objects are made in: small means little memory and frequent short collections. */
  readonly youngMegabytes: number;
}

/**
 * Node's arguments to run another entry of this program the way this process runs: the built file, or
 * in development its source, by the loader of this process.
 *
 * @param entry URL of the built file.
 * @param heap limits of its heap; the environment's `NODE_OPTIONS` are not passed on.
 */
export function entryArguments(entry: URL, { oldMegabytes, youngMegabytes }: HeapLimits): string[] {
  const limits = [
    `--max-old-space-size=${oldMegabytes}`,
    `--max-semi-space-size=${youngMegabytes}`,
  ];
  const path = fileURLToPath(entry);
  if (existsSync(path)) return [...limits, '--enable-source-maps', path];
  return [...limits, ...process.execArgv, path.replace(/\.js$/, '.ts')];
}

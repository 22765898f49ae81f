import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Node's arguments to run another entry of this program the way this process runs: the built file, or
 * in development its source, by the loader of this process.
 *
 * @param entry URL of the built file.
 */
export function entryArguments(entry: URL): string[] {
  const path = fileURLToPath(entry);
  if (existsSync(path)) return ['--enable-source-maps', path];
  return [...process.execArgv, path.replace(/\.js$/, '.ts')];
}

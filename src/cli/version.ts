import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The package's file, above this one whether it was built or not. */
function packageFile(folder: string): string {
  const file = join(folder, 'package.json');
  return existsSync(file) ? file : packageFile(dirname(folder));
}

/** Version of the package. */
export const VERSION = (
  JSON.parse(readFileSync(packageFile(import.meta.dirname), 'utf8')) as { version: string }
).version;

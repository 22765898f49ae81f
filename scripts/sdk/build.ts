/**
 * Builds the package `@tessera/sdk` in `dist/sdk`, checks its size, and copies its code to
 * `dist/client/sdk.js` for pages that load it from the server.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { bundleDeclarations } from './declarations.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = join(ROOT, 'client/sdk');
const OUT = join(ROOT, 'dist/sdk');
/** Limit of the code, minified and compressed. */
const MAX_GZIP_BYTES = 9_000;

function versionOf(path: string): string {
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

const version = versionOf(join(SOURCE, 'package.json'));
if (version !== versionOf(join(ROOT, 'package.json'))) {
  throw new Error('client/sdk/package.json must have the version of package.json');
}

await build({
  configFile: false,
  root: SOURCE,
  logLevel: 'warn',
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    rollupOptions: {
      input: join(SOURCE, 'index.ts'),
      preserveEntrySignatures: 'strict',
      output: { entryFileNames: 'index.js' },
    },
  },
});
writeFileSync(join(OUT, 'index.d.ts'), await bundleDeclarations(join(SOURCE, 'index.ts')));
for (const name of ['package.json', 'README.md']) copyFileSync(join(SOURCE, name), join(OUT, name));
copyFileSync(join(ROOT, 'LICENSE'), join(OUT, 'LICENSE'));
copyFileSync(join(OUT, 'index.js'), join(ROOT, 'dist/client/sdk.js'));

const code = readFileSync(join(OUT, 'index.js'));
if (code.includes('TypeBox')) throw new Error('the SDK contains typebox: import types only');
const bytes = gzipSync(code, { level: 9 }).length;
console.log(`sdk: ${code.length} bytes, ${bytes} compressed (at most ${MAX_GZIP_BYTES})`);
if (bytes > MAX_GZIP_BYTES) throw new Error('the SDK is too large');

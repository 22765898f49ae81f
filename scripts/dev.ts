/**
 * `npm run dev`: the server, restarted when its source changes, and the page, reloaded when it changes.
 * Nothing is built. Arguments go to the server, for instance `npm run dev -- --log-level debug`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SERVER_PORT = 8080;
const PAGE_PORT = 5173;
/** What the server answers, not the page. */
const SERVER_PATHS = [
  '/v1',
  '/docs',
  '/whip',
  '/whep',
  '/hls',
  '/stats',
  '/metrics',
  '/healthz',
  '/readyz',
];

const target = `http://localhost:${SERVER_PORT}`;
const page = await createServer({
  configFile: `${ROOT}client/vite.config.ts`,
  clearScreen: false,
  logLevel: 'info',
  server: {
    port: PAGE_PORT,
    proxy: {
      ...Object.fromEntries(SERVER_PATHS.map((path) => [path, { target }])),
      '/signal': { target, ws: true },
    },
  },
});
await page.listen();
const server = spawn(
  process.execPath,
  [
    `${ROOT}node_modules/tsx/dist/cli.mjs`,
    'watch',
    '--clear-screen=false',
    `${ROOT}src/main.ts`,
    'serve',
    '--port',
    String(SERVER_PORT),
    '--web-origins',
    `http://localhost:${PAGE_PORT}`,
    '--server-drain-seconds',
    '0',
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
);
console.log(`\n  Open http://localhost:${PAGE_PORT}/?room=demo\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => server.kill(signal));
await once(server, 'exit');
await page.close();

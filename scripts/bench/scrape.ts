/**
 * `npm run bench:scrape`: what one `GET /metrics` and one `GET /stats` cost a server with 100 people who
 * listen, and how long the event loop stands still for it. `-- 20` sets the number of people.
 */
import { sleep, TestServer } from '../../test/support/server.js';
import { Load } from './load.js';
import { cpuSeconds } from './process-cpu.js';
import { spread } from './report.js';

const PEOPLE = Number(process.argv[2] ?? 100);
const SCRAPES = 100;
const PAUSE_MS = 100;

/** Of the event loop's timers: how many were late by more than 20 ms. */
async function lateTimers(server: TestServer): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const value = (le: string) =>
    Number(text.split(`tessera_event_loop_delay_seconds_bucket{le="${le}"} `)[1]?.split('\n')[0]);
  return value('+Inf') - value('0.02');
}

const server = await TestServer.start({
  TESSERA_LOG_LEVEL: 'error',
  TESSERA_ROOM_MAX_PARTICIPANTS: '1000',
});
const load = await Load.start();
await load.grow({
  url: server.signalUrl,
  room: 'scraped',
  count: PEOPLE,
  layers: [],
  sound: true,
  receives: true,
  soundOnly: true,
  dtx: true,
  receiveCodec: 'h264',
});
await sleep(4000);
for (const path of ['', '/healthz', '/metrics', '/stats']) {
  const [cpu, late, times]: [number, number, number[]] = [
    cpuSeconds(server.pid),
    await lateTimers(server),
    [],
  ];
  for (let i = 0; i < SCRAPES; i++) {
    const begin = performance.now();
    if (path !== '') await (await fetch(`${server.url}${path}`)).text();
    times.push(performance.now() - begin);
    await sleep(PAUSE_MS);
  }
  const used = ((cpuSeconds(server.pid) - cpu) / SCRAPES) * 1000;
  const what = path === '' ? 'nothing' : path;
  console.log(
    `${what}: ${spread(times)} (p50 / p95 / p99), CPU of the server ${used.toFixed(1)} ms ` +
      `each with its pause, timers more than 20 ms late ${(await lateTimers(server)) - late}`,
  );
}
load.stop();
await server.close();
process.exit(0);

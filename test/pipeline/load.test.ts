/** Overload: a room reduces its video when CPU is short, and a full server refuses people. */

import { spawn } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { Load, type LoadOrder } from '../../scripts/bench/load.js';
import { makeKey } from '../../src/config/api-keys.js';
import { Bot } from '../support/bot.js';
import { sleep, TestServer, waitFor } from '../support/server.js';
import { soak } from '../support/soak.js';
import { Wire } from '../support/wire.js';

/** What the server may run on, and what is taken away from it: the same on every machine. */
const CORES = [0, 1];
const STARVED_MS = 30_000;

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function start(environment: Record<string, string>): Promise<TestServer> {
  const server = await TestServer.start(
    { TESSERA_LOAD_CONTROL: 'on', TESSERA_LOG_LEVEL: 'warn', ...environment },
    CORES,
  );
  open.push(server);
  return server;
}

async function startLoad(): Promise<Load> {
  const load = await Load.start();
  open.push({ close: () => load.stop() });
  return load;
}

const people = (server: TestServer, count: number): LoadOrder => ({
  url: server.signalUrl,
  room: 'load',
  count,
  layers: ['h'],
  sound: true,
  receives: true,
  receiveCodec: 'h264',
});

async function counters(server: TestServer): Promise<Record<string, number>> {
  return (await server.room('load'))?.counters ?? {};
}

async function serverLoad(server: TestServer): Promise<Record<string, number>> {
  return ((await server.stats()) as unknown as { load: Record<string, number> }).load;
}

/** Events of the room's load, as a dashboard gets them. */
async function followLoad(server: TestServer): Promise<string[][]> {
  const seen: string[][] = [];
  const abort = new AbortController();
  open.push({ close: () => abort.abort() });
  const response = await fetch(`${server.url}/v1/events?room=load`, { signal: abort.signal });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const read = async (text: string): Promise<void> => {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (text + Buffer.from(value).toString()).split('\n\n');
    for (const part of parts.slice(0, -1)) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      const event = data && (JSON.parse(data) as { event: string; load?: string[] });
      if (event && event.event === 'load_changed') seen.push(event.load ?? []);
    }
    return read(parts.at(-1) ?? '');
  };
  read('').catch(() => {});
  return seen;
}

/** A real receiver of the sound, which says how much of it was made up. */
async function startListener(server: TestServer): Promise<Bot> {
  const bot = await Bot.join(server, { room: 'load', name: 'Ear', viewer: true, watch: false });
  open.push({ close: () => bot.kill() });
  return bot;
}

/** Share of what a receiver played between two moments that was made up. */
function concealedShare(
  before: { concealed: number; total: number },
  after: { concealed: number; total: number },
): number {
  return (after.concealed - before.concealed) / (after.total - before.total);
}

const starving: { close(): void }[] = [];
afterEach(() => {
  for (const { close } of starving.splice(0)) close();
});

/** Takes time of the server's cores: the first time half of it. */
function starve(): void {
  for (const core of CORES) {
    const command = ['-c', `${core}`, process.execPath, '-e', 'for (;;);'];
    const child = spawn('taskset', command, { stdio: 'ignore' });
    starving.push({ close: () => child.kill('SIGKILL') });
  }
}

soak(
  'with half of the CPU taken away the video is reduced and comes back, and the audio is complete',
  async () => {
    const server = await start({ TESSERA_LOAD_ADMISSION: '100' });
    const load = await startLoad();
    await load.grow(people(server, 4));
    const steps = await followLoad(server);
    // As many as use half of what the server may use, whatever the machine.
    await waitFor(
      'a room that is busy',
      async () => {
        // Their pictures begin with the next keyframe of the loop.
        await sleep(6000);
        const { cores_used_milli: used = 0, cores_limit_milli: limit = 0 } =
          await serverLoad(server);
        if (used > 0.5 * limit) return true;
        await load.grow(people(server, 2));
        return false;
      },
      200_000,
    );
    const listener = await startListener(server);
    await waitFor('calm', async () => (await counters(server)).load_level === 0, 120_000);
    await sleep(2000);
    const stepsBefore = (await counters(server)).load_steps_down ?? 0;
    const heardBefore = await listener.concealment();
    steps.length = 0;
    await load.report();
    starve();
    await sleep(STARVED_MS);
    const report = await load.report();
    const heardAfter = await listener.concealment();
    const stepsAfter = (await counters(server)).load_steps_down ?? 0;
    // A machine that did it all in half of its time has to give more.
    await waitFor(
      'the video to be reduced',
      async () => {
        if (steps.length > 0) return true;
        starve();
        await sleep(5000);
        return false;
      },
      60_000,
    );
    for (const { close } of starving.splice(0)) close();

    const sum = (of: 'audioLost' | 'audioPackets') =>
      report.people.reduce((total, person) => total + person[of], 0);
    const concealed = concealedShare(heardBefore, heardAfter);
    console.log(
      `${report.people.length} people; steps ${JSON.stringify(steps)}; ` +
        `sound made up ${(100 * concealed).toFixed(2)} %, ` +
        `${report.people[0]?.frames} frames in ${STARVED_MS / 1000} s`,
    );
    expect(sum('audioPackets') / report.people.length).toBeGreaterThan((STARVED_MS / 20) * 0.9);
    expect(sum('audioLost')).toBe(0);
    expect(concealed).toBeLessThan(0.005);
    // The video was reduced: each step was announced when it was taken, one at a time.
    expect(steps.some((taken) => taken.includes('late_tiles'))).toBe(true);
    const levels = steps.map(({ length }) => length);
    for (const [i, level] of levels.slice(1).entries()) {
      expect(Math.abs(level - (levels[i] as number))).toBe(1);
    }
    expect(stepsAfter).toBeGreaterThan(stepsBefore);
    // And comes back.
    await waitFor(
      'the whole picture',
      async () => (await counters(server)).load_level === 0,
      180_000,
    );
    expect(steps.at(-1)).toEqual([]);
  },
);

test('people join until one is refused, and those inside keep a picture that moves', async () => {
  const server = await start({ TESSERA_LOAD_ADMISSION: '85' });
  const load = await startLoad();
  let failures: readonly string[] = [];
  for (let count = 0; count < 80 && failures.length === 0; count++) {
    ({ failures } = await load.grow({ ...people(server, 1), pauseMs: 300 }));
  }
  expect(failures[0]).toContain('server_busy');
  const metrics = await fetch(`${server.url}/metrics`).then((response) => response.text());
  expect(metrics).toMatch(/tessera_joins_refused_total\{reason="\w+"\} [1-9]/);
  // What it costs shows; then it must hold.
  await sleep(4000);
  await load.report();
  const seconds = 5;
  await sleep(seconds * 1000);
  const { people: inside } = await load.report();
  const rates = inside.map(({ frames }) => frames / seconds);
  console.log(`${inside.length} inside: ${rates.join(' ')} fps`);
  expect(inside.length).toBeGreaterThan(3);
  for (const { frames, audioLost, audioPackets } of inside) {
    expect(frames / seconds).toBeGreaterThanOrEqual(14.5);
    expect(audioPackets).toBeGreaterThan(45 * seconds);
    expect(audioLost).toBe(0);
  }
}, 300_000);

test('a refusal says when to try again, by HTTP and by signalling', async () => {
  // Less than a room takes.
  const server = await start({ TESSERA_LOAD_ADMISSION: '10' });
  const refused = await fetch(`${server.url}/whip/load`, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: 'v=0\r\n',
  });
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('10');
  expect(await refused.json()).toMatchObject({
    code: 'server_busy',
    next: expect.stringContaining('10 seconds'),
  });
  const wire = await Wire.join(server, 'load', 'Ada');
  open.push({ close: () => wire.socket.close() });
  expect(wire.messages[0]).toMatchObject({
    type: 'error',
    code: 'server_busy',
    retryAfterSeconds: 10,
  });
  const ready = await fetch(`${server.url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ status: 'busy' });
});

test('metrics have every room, and totals since the server started', async () => {
  const server = await start({ TESSERA_ROOM_EMPTY_SECONDS: '1' });
  const load = await startLoad();
  await load.grow(people(server, 2));
  const scrape = async () => (await fetch(`${server.url}/metrics`)).text();
  const value = (text: string, series: string): number => {
    const line = text.split('\n').find((one) => one.startsWith(`${series} `));
    return Number(line?.split(' ').at(-1));
  };
  const stage = (name: string) => `tessera_room_stage_seconds_count{room="load",stage="${name}"}`;
  const text = await waitFor('all stages', async () => {
    const now = await scrape();
    const stages = ['reorder', 'transfer', 'decode', 'wait', 'compose', 'encode', 'send', 'mix'];
    return stages.every((name) => value(now, stage(name)) > 10) && now;
  });
  const encodes = 'tessera_room_video_encodes_total{codec="h264",rendition="0",room="load"}';
  expect(value(text, encodes)).toBeGreaterThan(10);
  expect(value(text, 'tessera_room_participants{kind="visible",room="load"}')).toBe(2);
  expect(
    value(text, 'tessera_process_cpu_seconds_total{process="media",room="load"}'),
  ).toBeGreaterThan(0);
  const sent = 'tessera_packets_sent_total{media="audio"}';
  const before = value(text, sent);
  expect(before).toBeGreaterThan(10);
  load.stop();
  await waitFor('the end of the room', async () => !(await server.room('load')), 60_000);
  const later = await scrape();
  expect(later).not.toContain('room="load"');
  expect(value(later, sent)).toBeGreaterThanOrEqual(before);
  expect(value(later, 'tessera_rooms')).toBe(0);
}, 120_000);

test('sound is as whole with scrapes as without', async () => {
  const server = await start({});
  const load = await startLoad();
  await load.grow({ ...people(server, 30), layers: [], soundOnly: true });
  const listener = await startListener(server);
  await sleep(2000);
  const share = async (isScraped: boolean) => {
    const before = await listener.concealment();
    for (let i = 0; i < 25; i++) {
      await sleep(200);
      if (isScraped) {
        await Promise.all(
          ['metrics', 'stats'].map((path) =>
            fetch(`${server.url}/${path}`).then((answer) => answer.text()),
          ),
        );
      }
    }
    return concealedShare(before, await listener.concealment());
  };
  const without = await share(false);
  const scraped = await share(true);
  console.log(`sound made up: ${without} without scrapes, ${scraped} with five a second`);
  expect(scraped).toBeLessThan(without + 0.01);
}, 60_000);

test('metrics need the right to list rooms', async () => {
  const key = makeKey();
  const server = await start({ TESSERA_AUTH_KEYS: `${key.id}:${key.secret}` });
  expect((await fetch(`${server.url}/metrics`)).status).toBe(401);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

/**
 * An hour in which eight people change all the time, with a recording and a live output, while the
 * sound of an innocent pair is checked. `TESSERA_SOAK_MINUTES` makes it shorter.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { ChangingPeople } from '../support/changing-people.js';
import { COLLECT_GARBAGE, sleep, TestServer, waitFor } from '../support/server.js';
import { soak } from '../support/soak.js';

const MINUTES = Number(process.env.TESSERA_SOAK_MINUTES ?? 60);
/** Memory is measured once it has settled. */
const SETTLING_MINUTES = Math.min(15, MINUTES / 4);
const MAX_MB_AN_HOUR = 5;
/** A slope over less time says nothing. */
const SHORTEST_SLOPE_MINUTES = 30;
const ROOM = 'changing';

interface Sample {
  readonly hours: number;
  readonly mb: number;
}

function residentMb(pid: number): number {
  const [, pages = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return (Number(pages) * 4096) / 1e6;
}

/** Least squares, in MB an hour. */
function slope(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [x, y] = [mean(({ hours }) => hours), mean(({ mb }) => mb)];
  const top = samples.reduce((sum, { hours, mb }) => sum + (hours - x) * (mb - y), 0);
  return top / samples.reduce((sum, { hours }) => sum + (hours - x) ** 2, 0);
}

const openFiles = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

soak(
  'eight people who change all the time leave nothing behind, and nobody else hears it',
  async () => {
    const server = await TestServer.start(COLLECT_GARBAGE);
    const before = await server.stats();
    const filesBefore = openFiles(server.pid);
    const look = { colour: 'green', frequency: 1000 } as const;
    const good = await Bot.join(server, { room: ROOM, name: 'Good', ...look });
    const eye = await Bot.join(server, { room: ROOM, name: 'Eye', viewer: true });
    const people = await ChangingPeople.open(server, ROOM, 8);
    await callApi(server, 'POST', `/rooms/${ROOM}/recordings`, { body: {} });
    await callApi(server, 'POST', `/rooms/${ROOM}/outputs`, { body: { url: 'hls' } });
    await waitFor('the tone', async () => (await eye.toneLevel(1000)) > -30);
    await sleep(3000);
    await eye.report();
    const heardBefore = await eye.concealment();
    const serverMb: Sample[] = [];
    const mediaMb: Sample[] = [];
    const from = performance.now();
    const minutes = () => (performance.now() - from) / 60_000;
    let longest = { picture: 0, sound: 0 };
    for (let nextSample = SETTLING_MINUTES; minutes() < MINUTES; ) {
      await people.change();
      await sleep(1500);
      const { longestGapMs, longestSilenceMs } = await eye.report();
      longest = {
        picture: Math.max(longest.picture, longestGapMs),
        sound: Math.max(longest.sound, longestSilenceMs),
      };
      if (minutes() < nextSample) continue;
      nextSample += 0.5;
      const hours = minutes() / 60;
      serverMb.push({ hours, mb: residentMb(server.pid) });
      const mediaPid = (await server.room(ROOM))?.mediaPid;
      if (mediaPid !== undefined) mediaMb.push({ hours, mb: residentMb(mediaPid) });
    }
    const heard = await eye.concealment();
    const concealed = (heard.concealed - heardBefore.concealed) / (heard.total - heardBefore.total);
    const restarts = (await server.room(ROOM))?.counters.media_process_restarts;
    const slopes = { server: slope(serverMb), media: slope(mediaMb) };
    console.log({ changes: people.changes, concealed, longest, restarts, slopes });
    await people.close();
    eye.kill();
    good.kill();
    await callApi(server, 'DELETE', `/rooms/${ROOM}`);
    let left = {};
    await waitFor(
      'nothing to be left',
      async () => {
        const { timers, sessions } = await server.stats();
        const files = openFiles(server.pid);
        left = { sessions, timers: timers - before.timers, files: files - filesBefore };
        return sessions === 0 && timers <= before.timers && files <= filesBefore + 2;
      },
      60_000,
    ).catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(left)}`);
    });
    await server.close();
    expect(restarts).toBe(0);
    expect(concealed).toBeLessThan(0.001);
    expect(longest.sound).toBeLessThan(100);
    if (MINUTES < SHORTEST_SLOPE_MINUTES) return;
    expect(slopes.server).toBeLessThan(MAX_MB_AN_HOUR);
    expect(slopes.media).toBeLessThan(MAX_MB_AN_HOUR);
  },
  (MINUTES + 10) * 60_000,
);

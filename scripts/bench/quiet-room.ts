/** Memory of the media process of a quiet room over time: two people, whose picture and sound go on. */
import { sleep } from '../../test/support/server.js';
import type { Call } from './call.js';
import { rssBytes } from './process-cpu.js';

const SAMPLE_MS = 5000;
const MEGABYTE = 1 << 20;

export interface QuietRoom {
  /** Mean of the second minute, in MB. */
  readonly first: number;
  /** Mean of the last minute. */
  readonly last: number;
  readonly largest: number;
  /** By least squares, from the second minute on: MB an hour. */
  readonly growth: number;
}

interface Sample {
  readonly minute: number;
  readonly rss: number;
}

const mean = (samples: readonly Sample[]) =>
  samples.reduce((sum, { rss }) => sum + rss, 0) / (samples.length || 1);

function slope(samples: readonly Sample[]): number {
  const at = samples.reduce((sum, { minute }) => sum + minute, 0) / samples.length;
  const level = mean(samples);
  let [up, down] = [0, 0];
  for (const { minute, rss } of samples) {
    up += (minute - at) * (rss - level);
    down += (minute - at) ** 2;
  }
  return up / down;
}

export async function quietRoom({ server, grow }: Call, minutes: number): Promise<QuietRoom> {
  const room = 'quiet';
  await grow(2, { room, layers: ['m'] });
  const pid = (await server.room(room))?.mediaPid;
  if (pid === undefined) throw new Error('the room has no media process');
  const start = performance.now();
  const samples: Sample[] = [];
  for (let minute = 0; minute < minutes; ) {
    await sleep(SAMPLE_MS);
    minute = (performance.now() - start) / 60_000;
    samples.push({ minute, rss: rssBytes(pid) / MEGABYTE });
    if (samples.length % 12 === 0)
      console.error(`minute ${minute.toFixed(0)}: ${rssText(samples)}`);
  }
  const settled = samples.filter(({ minute }) => minute >= 1);
  return {
    first: mean(settled.filter(({ minute }) => minute < 2)),
    last: mean(settled.filter(({ minute }) => minute >= minutes - 1)),
    largest: Math.max(...settled.map(({ rss }) => rss)),
    growth: slope(settled) * 60,
  };
}

const rssText = (samples: readonly Sample[]) => `${mean(samples.slice(-12)).toFixed(1)} MB`;

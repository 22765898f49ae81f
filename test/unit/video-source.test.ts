/** Which picture a tick shows: time is made up, the frames and their decoder are real. */
import { expect, test } from 'vitest';
import { loadFixtures } from '../../scripts/fixtures.js';
import { VideoSource } from '../../src/media/video-source.js';
import { BT601 } from '../../src/shared/colour-space.js';

const TICK = 1_000_000 / 30;
const START = 10_000_000;

/**
 * How many new pictures each tick found, and how long each of them had waited.
 * @param arrivalOf the moment that frame n is decoded.
 */
async function watch(
  arrivalOf: (n: number) => number,
  ticks: number,
): Promise<{ shown: number[]; waits: number[] }> {
  const { video } = await loadFixtures();
  let now = START;
  let decoded = 0;
  let onDecoded = () => {};
  const source = new VideoSource(
    {
      keyframeNeeded: () => {},
      corrupt: () => {},
      count: (name) => {
        if (name !== 'video_frames_decoded') return;
        decoded++;
        onDecoded();
      },
      took: (stage, micros) => {
        if (stage === 'wait') waits.push(micros);
      },
    },
    () => now,
    (_capture, at) => at,
  );
  const shown: number[] = [];
  const waits: number[] = [];
  let [next, generation] = [0, 0];
  for (let tick = 1; tick <= ticks; tick++) {
    const due = START + tick * TICK;
    for (; START + arrivalOf(next) <= due; next++) {
      now = START + arrivalOf(next);
      const before = decoded;
      const done = new Promise<void>((resolve) => {
        onDecoded = resolve;
      });
      source.push({
        kind: 'video-in',
        source: 1,
        codec: 'vp8',
        keyframe: next % video.l.length === 0,
        colourSpace: BT601,
        rotation: 0,
        arrivalMicros: now,
        captureMicros: Number.NaN,
        data: video.l[next % video.l.length] as Buffer,
      });
      if (decoded === before) await done;
      // What follows a decode in the same turn.
      await new Promise(setImmediate);
    }
    now = due;
    source.setShown({ width: 320, height: 180 }, TICK);
    source.pictureAt(due);
    shown.push(source.generation - generation);
    generation = source.generation;
  }
  await source.close();
  return { shown, waits };
}

test('a camera that is in step with the ticks, a little before or after, loses no picture', async () => {
  for (const phase of [0, 0.33, 0.5, 0.9]) {
    const jitter = (n: number) => (n % 3) * 2000 - 2000;
    const { shown } = await watch((n) => (n + 1 + phase) * TICK + jitter(n), 120);
    const settled = shown.slice(40);
    expect(settled.filter((count) => count !== 1).length, `phase ${phase}: ${shown}`).toBe(0);
  }
});

test('what waited a tick longer for that waits no longer once it is out of step', async () => {
  const settlesAt = 90;
  const { shown, waits } = await watch((n) => {
    const jitter = n < settlesAt ? (n % 3) * 2000 - 2000 : 0;
    return (n + 1) * TICK + jitter - (n < settlesAt ? 0 : 8000);
  }, 240);
  // While it is in step every picture waits for the next tick.
  expect(Math.min(...waits.slice(40, settlesAt - 5))).toBeGreaterThan(TICK - 2500);
  expect(shown.slice(40, settlesAt - 5).every((count) => count === 1)).toBe(true);
  expect(Math.max(...waits.slice(-50))).toBeLessThan(8500);
  expect(shown.slice(40).filter((count) => count !== 1).length).toBeLessThanOrEqual(2);
});

test('a camera whose clock is a little faster stays in step while it overtakes the ticks', async () => {
  const jitter = (n: number) => ((n * 7) % 5) * 1000 - 2000;
  const { shown } = await watch((n) => ((n + 1) * TICK) / 1.001 + jitter(n), 1500);
  // Overtaking takes four seconds, most of whose pictures would be none or two.
  const uneven = shown.slice(40).filter((count) => count !== 1).length;
  expect(uneven, `${shown}`).toBeLessThanOrEqual(30);
});

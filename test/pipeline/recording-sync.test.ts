/** Picture and sound of a recording are together, through a pause and a crash of the media process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bot } from '../support/bot.js';
import { decodeFaults, framesOf, type RecordedFrame, soundOf } from '../support/recorded.js';
import { act, mainFile, over, record, running } from '../support/recordings.js';
import { TestServer } from '../support/server.js';
import { soak } from '../support/soak.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ TESSERA_RECORDING_KEYFRAME_SECONDS: '2' });
});
afterAll(() => server?.close());

/** Records flashes with beeps through a pause and a crash. @param part seconds of each stretch. */
async function expectTogether(part: number): Promise<void> {
  const room = `sync-${part}`;
  const flash = await Bot.join(server, { room, name: 'Flash', flash: true });
  // It is not alone: with one participant there is no mix without them.
  const other = await Bot.join(server, {
    room,
    name: 'Other',
    colour: 'green',
    viewer: true,
  });
  // Sound and picture are put on one clock when the sender has reported.
  await sleep(6000);
  const { id } = await record(server, room);
  await running(server, id);
  await sleep(part * 1000);
  await act(server, id, 'pause');
  await sleep(1700);
  await act(server, id, 'resume');
  await sleep(part * 1000);
  process.kill(((await server.room(room)) as { mediaPid: number }).mediaPid, 'SIGKILL');
  await sleep((part + 3) * 1000);
  await act(server, id, 'stop');
  const done = await over(server, id);
  await Promise.all([flash.leave(), other.leave()]);
  const path = mainFile(server, done);
  expect(await decodeFaults(path)).toBe('');
  const frames = await framesOf(path);
  const white = (frame: RecordedFrame | undefined) =>
    frame !== undefined && Math.min(...frame.colourAt(0.5, 0.3)) > 150;
  const flashes = frames.filter((frame, i) => white(frame) && i > 0 && !white(frames[i - 1]));
  const beeps = (await soundOf(path)).beeps();
  expect(flashes.length).toBeGreaterThan(2 * part);
  const skews = flashes
    .map(({ at }) => {
      const nearest = beeps.reduce((a, b) => (Math.abs(b - at) < Math.abs(a - at) ? b : a), 1e9);
      return (at - nearest) * 1000;
    })
    // A flash whose beep the pause or the crash took.
    .filter((skew) => Math.abs(skew) < 400)
    .sort((a, b) => a - b);
  expect(skews.length).toBeGreaterThan(2 * part - 2);
  expect(Math.abs(skews[skews.length >> 1] as number)).toBeLessThan(45);
}

test('picture and sound stay together through a pause and a crash', () => expectTogether(3));

soak('picture and sound stay together through a longer pause and crash', () => expectTogether(6));

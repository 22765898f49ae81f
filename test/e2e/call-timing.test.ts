/** What a call is like while others come and go, and how far apart picture and sound are. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { Bot } from '../support/bot.js';
import { CallPage, launchBrowser } from '../support/browser.js';
import { isColour, tile } from '../support/expect-media.js';
import { sleep, TestServer, waitFor } from '../support/server.js';
import { soak } from '../support/soak.js';

let server: TestServer;
let open: { close(): unknown }[] = [];
beforeAll(async () => {
  server = await TestServer.start();
});
afterEach(async () => {
  await Promise.all(open.map((thing) => thing.close()));
  open = [];
});
afterAll(() => server?.close());

async function browser() {
  const launched = await launchBrowser({ colour: 'red', frequency: 440 });
  open.push(launched);
  return launched;
}

async function bot(options: Parameters<typeof Bot.join>[1]): Promise<Bot> {
  const joined = await Bot.join(server, options);
  open.push({ close: () => joined.kill() });
  return joined;
}

/** Guests join and leave all the time, and others must not notice. */
async function expectNoTraceOfGuests(seconds: number): Promise<void> {
  const room = `churn-${seconds}`;
  const page = await CallPage.join(await browser(), server, {
    room,
    name: 'Ada',
  });
  const watcher = await bot({ room, name: 'Watcher', viewer: true });
  await waitFor('the first picture', async () => isColour(await page.colourAt(tile(0, 1)), 'red'));
  await watcher.report();
  const meter = await RtpClient.join({
    url: server.signalUrl,
    room,
    name: 'Meter',
    viewer: true,
  });
  open.push(meter);
  const before = await waitFor('stats', () => server.room(room));
  const startFrames = (await watcher.report()).frames;
  const started = Date.now();
  let joins = 0;
  let longest = 0;
  while (Date.now() - started < seconds * 1000) {
    const guest = await Bot.join(server, {
      room,
      name: `Guest ${joins}`,
      colour: 'green',
      frequency: 1000,
    });
    await sleep(1000);
    await (joins++ % 2 === 0 ? guest.leave() : Promise.resolve(guest.kill()));
    longest = Math.max(longest, (await watcher.report()).longestGapMs);
  }
  await waitFor('no ghost tile', async () =>
    isColour(await page.colourAt({ x: 0.7, y: 0.2, width: 0.2, height: 0.2 }), 'red'),
  );
  const took = (Date.now() - started) / 1000;
  const frames = (await watcher.report()).frames - startFrames;
  const after = await waitFor('stats', () => server.room(room));
  expect(joins).toBeGreaterThan(seconds / 7.5);
  // The encoders and their process lived through it all.
  expect(after.mediaPid).toBe(before.mediaPid);
  expect(after.counters.media_process_restarts).toBe(0);
  console.log(
    `churn: ${joins} joins, ${(frames / took).toFixed(1)} frames/s, longest gap sent ${meter.longestStepMs.toFixed(0)} ms, seen ${longest.toFixed(0)} ms`,
  );
  expect(frames / took).toBeGreaterThan(15);
  // A restart of the encoder would take longer; a busy machine may skip a tick or two.
  expect(meter.longestStepMs).toBeLessThan(250);
  expect(longest).toBeLessThan(1000);
}

test('15 s of joins and leaves cause no gap and leave no tile', () => expectNoTraceOfGuests(15));

soak('a minute of joins and leaves causes no gap and leaves no tile', () =>
  expectNoTraceOfGuests(60),
);

test('flash and beep of one sender arrive within 45 ms of each other', async () => {
  await bot({ room: 'sync', name: 'Flash', flash: true, frequency: 1000 });
  const receiver = await bot({ room: 'sync', name: 'Eye', viewer: true });
  await waitFor(
    'sixteen flashes and beeps',
    async () => {
      const { flashes, beeps } = await receiver.report();
      return flashes.length > 16 && beeps.length > 16;
    },
    60_000,
  );
  const { flashes, beeps } = await receiver.report();
  // The first seconds, before the sender reports, are not yet aligned.
  const skews = beeps.slice(6).map((beep) => {
    const flash = flashes.reduce((a, b) => (Math.abs(b - beep) < Math.abs(a - beep) ? b : a));
    return flash - beep;
  });
  skews.sort((a, b) => a - b);
  const median = skews[skews.length >> 1] as number;
  console.log(
    `lip-sync: median ${median.toFixed(0)} ms, all ${skews.map((s) => s.toFixed(0)).join(' ')}`,
  );
  expect(Math.abs(median)).toBeLessThanOrEqual(45);
});

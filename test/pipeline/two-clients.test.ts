/** A call of two libwebrtc clients through the built server: the shortest test of everything. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bot } from '../support/bot.js';
import { isColour, tile } from '../support/expect-media.js';
import { TestServer, waitFor } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.close());

test('each sees both tiles and hears the other, and not itself', async () => {
  const room = 'two';
  const ada = await Bot.join(server, { room, name: 'Ada', colour: 'red', frequency: 440 });
  const bob = await Bot.join(server, { room, name: 'Bob', colour: 'blue', frequency: 1000 });
  for (const [bot, own, other] of [
    [ada, 440, 1000],
    [bob, 1000, 440],
  ] as const) {
    for (const [index, colour] of (['red', 'blue'] as const).entries()) {
      const { x, y, width, height } = tile(index, 2);
      await waitFor(`${colour} in tile ${index}`, async () =>
        isColour(await bot.colourAt(x + width / 2, y + height / 2), colour),
      );
    }
    await waitFor('the other voice', async () => (await bot.toneLevel(other)) > -25);
    expect(await bot.toneLevel(own)).toBeLessThan(-50);
  }
  await Promise.all([ada.leave(), bob.leave()]);
});

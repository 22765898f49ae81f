/**
 * The cases of `npm run bench:network`, each for some seconds, with the same demands but for times,
 * which are given more room. Chance and a busy machine have a part in them: a case may be tried three
 * times, each in a room of its own.
 */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { NetworkCall } from '../support/network-call.js';
import { NETWORK_CASES } from '../support/network-cases.js';
import { TestServer } from '../support/server.js';

let server: TestServer;
let rooms = 0;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.close());

describe('a call over a bad network', () => {
  for (const { name, goal, profile, textured, soundOnly, run } of NETWORK_CASES) {
    test(`${name}: ${goal}`, { retry: 2, timeout: 180_000 }, async () => {
      const call = await NetworkCall.start(server, `network-${rooms++}`, profile, {
        textured,
        soundOnly,
      });
      try {
        const { found } = await run(call, false);
        console.log(`${name}: ${found}`);
      } finally {
        await call.ends();
      }
    });
  }
});

/**
 * The cases of `npm run bench:network`, each for some seconds, with the same demands. Chance and a
 * busy machine have a part in them: a case may be tried twice.
 */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { NetworkCall } from '../support/network-call.js';
import { NETWORK_CASES } from '../support/network-cases.js';
import { TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.close());

describe('a call over a bad network', () => {
  for (const { name, goal, profile, textured, soundOnly, run } of NETWORK_CASES) {
    test(`${name}: ${goal}`, { retry: 1, timeout: 180_000 }, async () => {
      const call = await NetworkCall.start(server, 'network', profile, { textured, soundOnly });
      try {
        const { found } = await run(call, false);
        console.log(`${name}: ${found}`);
      } finally {
        await call.ends();
      }
    });
  }
});

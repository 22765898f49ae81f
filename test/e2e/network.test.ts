/**
 * The cases of `npm run bench:network`, each for some seconds. They make the same demands, but give
 * more time, since they may share the machine. The long run has all cases, the others a choice.
 */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { NetworkCall } from '../support/network-call.js';
import type { NetworkCase } from '../support/network-case.js';
import { NETWORK_CASES } from '../support/network-cases.js';
import { TestServer } from '../support/server.js';
import { soak } from '../support/soak.js';

/** One case for each thing that a network does: lose, lose a keyframe, narrow, stop, move. */
const QUICK = [
  '10 % both ways',
  'one whole keyframe lost',
  '2000 -> 300 -> 2000 kbit/s',
  'blackout of 3 s',
  'address change',
];

let server: TestServer;
let rooms = 0;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.close());

async function expectGoal({ name, profile, textured, soundOnly, run }: NetworkCase): Promise<void> {
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
}

describe('a call over a bad network', () => {
  for (const one of NETWORK_CASES) {
    const name = `${one.name}: ${one.goal}`;
    const declare = QUICK.some((quick) => one.name.startsWith(quick)) ? test : soak;
    declare(name, () => expectGoal(one));
  }
});

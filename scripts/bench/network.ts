/**
 * `npm run bench:network`: what a call is like over bad networks, at a real Chromium. All cases, or
 * those whose names contain the argument. Takes about an hour; `-- --short` takes some minutes.
 */
import { NetworkCall } from '../../test/support/network-call.js';
import { NETWORK_CASES } from '../../test/support/network-cases.js';
import { TestServer } from '../../test/support/server.js';

const options = process.argv.slice(2);
const full = !options.includes('--short');
const wanted = options.find((option) => !option.startsWith('--')) ?? '';

const server = await TestServer.start({ TESSERA_LOG_LEVEL: 'error' });
let missed = 0;
console.log('| case | goal | measured |\n| --- | --- | --- |');
for (const { name, goal, profile, textured, soundOnly, run } of NETWORK_CASES) {
  if (!name.includes(wanted)) continue;
  const call = await NetworkCall.start(server, 'bench', profile, { textured, soundOnly });
  const { found } = await run(call, full).catch((error: Error) => {
    missed++;
    return { found: `MISSED: ${error.message.split('\n')[0]}` };
  });
  console.log(`| ${name} | ${goal.replaceAll('<=', '≤').replaceAll('>=', '≥')} | ${found} |`);
  await call.ends();
}
await server.close();
process.exit(missed > 0 ? 1 : 0);

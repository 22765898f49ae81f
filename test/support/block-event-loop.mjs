/** Loaded into a server: blocks its event loop at a signal. SIGWINCH is a loop, SIGURG a call that waits. */
import { execSync } from 'node:child_process';
import { isMainThread } from 'node:worker_threads';

const BLOCK_MS = 2600;

function loopForLong() {
  const until = Date.now() + BLOCK_MS;
  let sum = 0;
  while (Date.now() < until) sum += Math.sqrt(sum + 1);
  return sum;
}

function waitForLong() {
  execSync(`sleep ${BLOCK_MS / 1000}`);
}

if (isMainThread) {
  process.on('SIGWINCH', loopForLong);
  process.on('SIGURG', waitForLong);
}

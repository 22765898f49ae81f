/**
 * One participant whose media breaks the mixer, with real clients beside: odd sizes, frames that crash
 * or hang the decoder, and media processes that hang. `npm run bench:faults` measures the same.
 */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { encodeSized } from '../support/encoded.js';
import { FaultCall, SWITCHED, startFaultyServer } from '../support/fault-call.js';
import { marked } from '../support/faulty-build.js';
import { oddKeyframes } from '../support/odd-sizes.js';
import { waitFor } from '../support/server.js';

let faulty: Awaited<ReturnType<typeof startFaultyServer>>;
beforeAll(async () => {
  faulty = await startFaultyServer();
});
afterAll(() => faulty?.close());

async function begin(room: string, codec: 'vp8' | 'h264' = 'vp8'): Promise<FaultCall> {
  const call = await FaultCall.begin(faulty.server, room, codec);
  onTestFinished(() => call.close());
  return call;
}

test('keyframes of odd sizes change nothing for the others', async () => {
  const call = await begin('sizes');
  const before = await call.eye.concealment();
  for (const frame of await oddKeyframes()) await call.send([frame, frame, frame]);
  const { longestGapMs } = await call.eye.report();
  const after = await call.eye.concealment();
  expect((await call.state()).restarts).toBe(0);
  expect(longestGapMs).toBeLessThan(1000);
  expect(after.concealed - before.concealed).toBeLessThan(0.1 * (after.total - before.total));
  await call.seesAndHears('after the odd sizes');
});

for (const codec of ['h264', 'vp8'] as const) {
  test(`a hundred changes of size by one ${codec} sender change nothing for the others`, async () => {
    const call = await begin(`switch-${codec}`, codec);
    const parts = await Promise.all(SWITCHED.map((size) => encodeSized(codec, size, 3)));
    const before = await call.eye.concealment();
    for (let i = 0; i < 100; i++) await call.send(parts[i % parts.length] as Buffer[]);
    const { longestGapMs } = await call.eye.report();
    const after = await call.eye.concealment();
    console.log(
      `gap ${longestGapMs} ms, concealed ${(after.concealed - before.concealed) / 48} ms`,
    );
    expect((await call.state()).restarts).toBe(0);
    expect(longestGapMs).toBeLessThan(1000);
    expect(after.concealed - before.concealed).toBeLessThan(0.1 * (after.total - before.total));
  });
}

test('a stream that crashes every decoder costs one restart; hosts can have it tried again', async () => {
  const call = await begin('abort');
  await call.send(call.frames);
  const bomb = marked(call.frames[0] as Buffer, 'abort');
  await call.send([bomb]);
  // On probation it sends the bomb again: only its own process dies.
  let bombs = true;
  const bombing = (async () => {
    while (bombs) await call.send([bomb]);
  })();
  await waitFor('the quarantine', () => call.bad.errors.includes('media_quarantined'), 15_000);
  expect(await call.state()).toMatchObject({ restarts: 1, trouble: 'quarantined' });
  await call.seesAndHears('after the crash');
  const { id } = await call.state();
  const lift = () => call.api('DELETE', `/rooms/abort/participants/${id}/quarantine`);
  expect((await lift()).status).toBe(204);
  const quarantines = () => call.bad.errors.filter((code) => code === 'media_quarantined').length;
  await waitFor('the second conviction', () => quarantines() === 2, 15_000);
  bombs = false;
  await bombing;
  expect((await call.state()).restarts).toBe(1);
  // What it sends is in order again: it is tried, and shown.
  expect((await lift()).status).toBe(204);
  await call.sendUntil('the end of the quarantine', () => call.hasTrouble(undefined));
  expect((await lift()).status).toBe(409);
  expect((await call.state()).restarts).toBe(1);
  await call.seesAndHears('at the end');
});

for (const [mark, what] of [
  ['hang', 'an endless loop in the decoder'],
  ['lost', 'a call of the decoder that never comes back'],
] as const) {
  test(`${what} costs one restart`, async () => {
    const call = await begin(mark);
    await call.send(call.frames);
    await call.send([marked(call.frames[0] as Buffer, mark)]);
    await call.sendUntil('the restart', async () => (await call.state()).restarts === 1);
    await call.sendUntil('the acquittal', () => call.hasTrouble(undefined));
    await call.seesAndHears('after the restart');
    expect((await call.state()).restarts).toBe(1);
  });
}

test('a media process that stands still is replaced', async () => {
  const call = await begin('stopped');
  const pid = await call.mediaPid();
  process.kill(pid, 'SIGSTOP');
  await waitFor('another process', async () => (await call.mediaPid()) !== pid);
  await call.seesAndHears('from the new process');
  expect((await call.eye.report()).longestGapMs).toBeLessThan(4000);
});

test('SIGSEGV from outside puts nobody into quarantine for long', async () => {
  const call = await begin('segv');
  for (let crash = 1; crash <= 2; crash++) {
    process.kill(await call.mediaPid(), 'SIGSEGV');
    await call.sendUntil('the restart', async () => (await call.state()).restarts === crash);
    await call.sendUntil('a room in order', () => call.hasTrouble(undefined));
    await call.seesAndHears(`after crash ${crash}`);
  }
  expect(call.bad.errors).not.toContain('media_quarantined');
});

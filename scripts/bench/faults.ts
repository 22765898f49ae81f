/**
 * `npm run bench:faults`: what the others notice when one participant's media, or a media process,
 * breaks. A real client beside the fault measures the longest gap in its picture and in its sound.
 * `-- NAME` does the rows whose names contain it.
 */
import { quietFfmpeg } from '../../src/codecs/ffmpeg/log.js';
import { encodeSized } from '../../test/support/encoded.js';
import { FaultCall, SWITCHED, startFaultyServer } from '../../test/support/fault-call.js';
import { marked } from '../../test/support/faulty-build.js';
import { oddKeyframes } from '../../test/support/odd-sizes.js';
import { sleep, waitFor } from '../../test/support/server.js';

interface Fault {
  readonly name: string;
  readonly codec?: 'h264';
  /** Before the measurement begins. */
  prepare?(call: FaultCall): Promise<void>;
  /** Resolves when it is mended. */
  run(call: FaultCall): Promise<void>;
}

/** Sends marked frames until its sender is told that it is in quarantine. */
async function bombUntilHeld(call: FaultCall): Promise<void> {
  const held = () => call.bad.errors.filter((code) => code === 'media_quarantined').length;
  const before = held();
  const bomb = marked(call.frames[0] as Buffer, 'abort');
  while (held() === before) await call.send([bomb]);
}

async function replaced(call: FaultCall, signal: NodeJS.Signals): Promise<void> {
  const pid = await call.mediaPid();
  process.kill(pid, signal);
  await waitFor('another process', async () => (await call.mediaPid()) !== pid);
}

const FAULTS: readonly Fault[] = [
  { name: 'nothing', run: () => sleep(5000) },
  {
    name: 'keyframes of 1x1 and other odd sizes',
    run: async (call) => {
      for (const frame of await oddKeyframes()) await call.send([frame, frame, frame]);
    },
  },
  ...(['vp8', 'h264'] as const).map((codec) => ({
    name: `100 changes of size, ${codec}`,
    ...(codec === 'h264' ? { codec } : {}),
    run: async (call: FaultCall) => {
      const parts: Buffer[][] = [];
      for (const size of SWITCHED) parts.push(await encodeSized(codec, size, 3));
      for (let i = 0; i < 100; i++) await call.send(parts[i % parts.length] as Buffer[]);
    },
  })),
  {
    name: 'a frame that crashes the decoder, the first time',
    run: async (call) => {
      await call.send([marked(call.frames[0] as Buffer, 'abort')]);
      await call.sendUntil('the restart', async () => (await call.state()).restarts === 1);
    },
  },
  {
    name: 'a stream that crashes every decoder, afterwards',
    prepare: async (call) => {
      await bombUntilHeld(call);
      await call.seesAndHears('after the first crash');
    },
    run: async (call) => {
      const { id } = await call.state();
      await call.api('DELETE', `/rooms/${call.room}/participants/${id}/quarantine`);
      await bombUntilHeld(call);
    },
  },
  {
    name: 'an endless loop in a decoder',
    run: async (call) => {
      await call.send([marked(call.frames[0] as Buffer, 'hang')]);
      await call.sendUntil('the restart', async () => (await call.state()).restarts === 1);
    },
  },
  {
    name: 'a decoder that does not come back',
    run: async (call) => {
      await call.send([marked(call.frames[0] as Buffer, 'lost')]);
      await call.sendUntil('the restart', async () => (await call.state()).restarts === 1);
    },
  },
  { name: 'SIGSTOP of the media process', run: (call) => replaced(call, 'SIGSTOP') },
  { name: 'SIGSEGV of the media process', run: (call) => replaced(call, 'SIGSEGV') },
  { name: 'SIGKILL of the media process', run: (call) => replaced(call, 'SIGKILL') },
];

quietFfmpeg();
const wanted = process.argv[2] ?? '';
const { server, close } = await startFaultyServer();
console.log(
  '| fault | gap in the picture | silence | sound made up by the client | mended after |',
);
console.log('| --- | --- | --- | --- | --- |');
for (const [index, fault] of FAULTS.entries()) {
  if (!fault.name.includes(wanted)) continue;
  const call = await FaultCall.begin(server, `fault-${index}`, fault.codec);
  await fault.prepare?.(call);
  await sleep(2000);
  await call.eye.report();
  const before = await call.eye.concealment();
  const from = performance.now();
  await fault.run(call);
  await call.seesAndHears('after the fault');
  const seconds = (performance.now() - from) / 1000;
  await sleep(1000);
  const { longestGapMs, longestSilenceMs } = await call.eye.report();
  const { concealed } = await call.eye.concealment();
  const madeUp = (concealed - before.concealed) / 48;
  console.log(
    `| ${fault.name} | ${longestGapMs.toFixed(0)} ms | ${longestSilenceMs.toFixed(0)} ms | ${madeUp.toFixed(0)} ms | ${seconds.toFixed(1)} s |`,
  );
  await call.close();
}
await close();
process.exit(0);

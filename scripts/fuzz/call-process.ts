/** The process of the innocents: it plays, watches and listens, and answers `report` with a {@link CallReport}. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Replay } from '../../src/bots/replay.js';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { sleep } from '../../test/support/server.js';
import type { CallOrder, CallReport } from './call.js';
import { encodeInnocent, TONES } from './innocent-media.js';
import { Listener } from './listener.js';
import { Watcher } from './watcher.js';

/** The call is even after this: jitter buffers and encoders have settled. */
const SETTLE_MS = 3000;
/** Whoever comes first also decodes the picture. */
const EYES = 1;

const order = JSON.parse(process.argv[2] as string) as CallOrder;
const replay = new Replay();
const delay = monitorEventLoopDelay({ resolution: 5 });
const people: { name: string; listener: Listener; watcher: Watcher }[] = [];

for (const [index, { name, token }] of order.people.entries()) {
  const client = await RtpClient.join({ url: order.signalUrl, room: order.room, name, token });
  const others = TONES.filter((_, tone) => tone !== index);
  const listener = await Listener.open(client, others);
  const watcher = await Watcher.open(client, index < EYES);
  replay.add(client, await encodeInnocent(index));
  people.push({ name, listener, watcher });
}

function report(): CallReport {
  const ownDelayMs = delay.max / 1e6;
  delay.reset();
  return {
    ownDelayMs,
    people: people.map(({ name, listener, watcher }) => ({
      name,
      ...listener.take(),
      ...watcher.take(),
    })),
  };
}

async function settle(): Promise<void> {
  for (;;) {
    await sleep(SETTLE_MS);
    const { people: noticed } = report();
    const isWell = noticed.every(
      ({ soundGapMs, pictureGapMs, tileGapMs = 0 }) =>
        Math.max(soundGapMs, pictureGapMs, tileGapMs) < SETTLE_MS / 3,
    );
    if (isWell) return;
  }
}

delay.enable();
await settle();
report();
process.on('message', () => process.send?.(report()));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

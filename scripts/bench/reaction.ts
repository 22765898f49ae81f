/**
 * How soon the composite answers: somebody joins, the layout changes, the media process dies. Each from
 * the moment that it happens to the first packet of the first frame that shows it.
 */
import { RtpClient } from '../../src/bots/rtp-client.js';
import { sleep, waitFor } from '../../test/support/server.js';
import { type Call, SETTLE_MS, withCall } from './call.js';
import { type Bench, type Row, spread } from './report.js';

const SENDERS = 4;
const TIMES = 20;
const CRASHES = 3;
const room = 'bench';

async function joins({ server }: Call): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    const asked = Date.now();
    const options = { url: server.signalUrl, room, name: 'Visitor', viewer: true } as const;
    const viewer = await RtpClient.join(options);
    await waitFor('a picture', () => viewer.firstVideoAt > 0);
    times.push(viewer.firstVideoAt - asked);
    await viewer.close();
    await sleep(500);
  }
  return times;
}

/** The server says with which RTP timestamp a layout begins: the frame that has it ends the time. */
async function layouts({ server }: Call): Promise<number[]> {
  const times: number[] = [];
  const options = { url: server.signalUrl, room, name: 'Eye', viewer: true } as const;
  const viewer = await RtpClient.join(options);
  const frames = new Map<number, number>();
  viewer.onRtp(({ kind, timestamp }) => {
    if (kind === 'video' && !frames.has(timestamp)) frames.set(timestamp, performance.now());
  });
  let begins: number | undefined;
  viewer.socket.on('message', (text: Buffer) => {
    const message = JSON.parse(text.toString()) as { type: string; timestamp?: number };
    if (message.type === 'layout' && message.timestamp !== undefined) begins = message.timestamp;
  });
  await sleep(2000);
  for (let i = 0; i < TIMES; i++) {
    begins = undefined;
    const asked = performance.now();
    await fetch(`${server.url}/v1/rooms/${room}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ layout: i % 2 === 0 ? 'speaker' : 'grid' }),
    });
    const at = await waitFor('the new layout', () => begins !== undefined && frames.get(begins));
    times.push(at - asked);
    await sleep(700);
  }
  await viewer.close();
  return times;
}

async function crashes({ server }: Call): Promise<number[]> {
  const times: number[] = [];
  const options = { url: server.signalUrl, room, name: 'Eye', viewer: true } as const;
  const viewer = await RtpClient.join(options);
  for (let i = 0; i < CRASHES; i++) {
    // Crashes in a row are slowed down: each is to be the first for a while.
    await sleep(31_000);
    const pid = (await server.room(room))?.mediaPid as number;
    const before = viewer.videoFrames;
    process.kill(pid, 'SIGKILL');
    const at = performance.now();
    // What had left before is on its way still.
    await sleep(15);
    const sent = Math.max(before, viewer.videoFrames);
    while (viewer.videoFrames === sent) await sleep(2);
    times.push(performance.now() - at);
  }
  await viewer.close();
  return times;
}

export const benchReaction: Bench = async () => {
  const rows: Row[] = [];
  const add = (what: string, times: readonly number[]) =>
    rows.push({
      what: `${what}, p50 / p95 / p99 of ${times.length}`,
      measured: spread(times),
      against: '',
      ratio: Number.NaN,
      goal: '',
      command: 'reaction',
    });
  await withCall(async (call) => {
    await call.grow(SENDERS, { layers: ['m'], receives: false });
    await sleep(SETTLE_MS);
    add('join to the first frame', await joins(call));
    add('layout change to the first new frame', await layouts(call));
    add('media process killed to the next frame', await crashes(call));
  });
  console.error(rows);
  return rows;
};

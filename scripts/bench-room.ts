/**
 * `npm run bench:room`: what a room costs and how late it is, for 4 and 16 senders of 640x360 VP8.
 * The senders are one process, the server and its media process are measured by themselves.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { RtpClient } from '../src/bots/rtp-client.js';
import { quietFfmpeg } from '../src/media/ffmpeg/log.js';
import type { Picture } from '../src/media/ffmpeg/picture.js';
import { VideoDecoder } from '../src/media/ffmpeg/video-decoder.js';
import { gridLayout } from '../src/media/grid-layout.js';
import { vp8Depacketizer } from '../src/receive/vp8-depacketizer.js';
import { sleep, TestServer } from '../test/support/server.js';
import { cpuSeconds } from './process-cpu.js';
import { BARCODE, FRAME_MICROS, LOOP_FRAMES } from './recording.js';

const MEASURE_SECONDS = 15;
const JOINS = 20;
const nowMicros = () => Number(process.hrtime.bigint() / 1000n);

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The number in the barcode of the first of `count` tiles, or -1. */
function readBarcode(picture: Picture, count: number): number {
  const tile = gridLayout(count, { width: 1280, height: 720, gap: 8 })[0];
  if (!tile) return -1;
  const scale = Math.max(tile.width / BARCODE.WIDTH, tile.height / BARCODE.HEIGHT);
  const x0 = tile.x + tile.width / 2 - (BARCODE.WIDTH / 2 - BARCODE.left) * scale;
  const y = Math.round(
    tile.y + tile.height / 2 + (BARCODE.top + BARCODE.cell / 2 - BARCODE.HEIGHT / 2) * scale,
  );
  const luma = picture.planes[0] as Buffer;
  const stride = picture.strides[0] as number;
  let gray = 0;
  for (let bit = 0; bit < BARCODE.bits; bit++) {
    const value = luma[y * stride + Math.round(x0 + (bit + 0.5) * BARCODE.cell * scale)] as number;
    if (value > 90 && value < 165) return -1;
    if (value >= 165) gray |= 1 << bit;
  }
  let code = 0;
  for (let rest = gray; rest; rest >>= 1) code ^= rest;
  return code;
}

/** Decodes what a new viewer receives and notes the age of each frame number when it first comes. */
async function measureLatency(
  join: () => Promise<RtpClient>,
  start: number,
  count: number,
  seconds: number,
): Promise<number[]> {
  const decoder = await VideoDecoder.open('vp8');
  const viewer = await join();
  const ages: number[] = [];
  const queue: { frame: Buffer[]; at: number }[] = [];
  let current: Buffer[] = [];
  viewer.onVideoPayload = (payload, marker) => {
    current.push(payload);
    if (!marker) return;
    queue.push({ frame: current, at: nowMicros() });
    current = [];
  };
  let last = -1;
  const until = Date.now() + seconds * 1000;
  while (Date.now() < until) {
    const next = queue.shift();
    if (!next) {
      await sleep(2);
      continue;
    }
    const frame = vp8Depacketizer.assemble(next.frame);
    const picture = frame && (await decoder.decode(frame.data));
    if (!picture || picture === 'corrupt') continue;
    const code = readBarcode(picture, count);
    picture[Symbol.dispose]();
    if (code < 0 || code === last) continue;
    last = code;
    const loop = LOOP_FRAMES * FRAME_MICROS;
    const age = (((next.at - start - code * FRAME_MICROS) % loop) + loop) % loop;
    ages.push(age / 1000);
  }
  await viewer.close();
  decoder[Symbol.dispose]();
  return ages;
}

async function joinTimes(server: TestServer, room: string): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < JOINS; index++) {
    const started = Date.now();
    const viewer = await RtpClient.join({
      url: server.signalUrl,
      room,
      name: 'Visitor',
      viewer: true,
    });
    while (viewer.videoFrames === 0) await sleep(2);
    times.push(Date.now() - started);
    await viewer.close();
    await sleep(600);
  }
  return times;
}

async function benchRoom(count: number): Promise<string> {
  const server = await TestServer.start({ TESSERA_LOG_LEVEL: 'error' });
  const room = `bench-${count}`;
  const order = JSON.stringify({ url: server.signalUrl, room, count });
  const senders = fork(fileURLToPath(new URL('./bench-senders.ts', import.meta.url)), [order], {
    execArgv: ['--import', 'tsx'],
  });
  const start = await new Promise<number>((resolve) => {
    senders.once('message', (message: { start: number }) => resolve(message.start));
  });
  const viewer = await RtpClient.join({
    url: server.signalUrl,
    room,
    name: 'Viewer',
    viewer: true,
  });
  while (viewer.videoFrames === 0) await sleep(50);
  await sleep(3000);
  const mediaPid = (await server.room(room))?.mediaPid as number;
  const pids = { server: server.pid, media: mediaPid, load: senders.pid as number };
  const cpu = () => ({
    server: cpuSeconds(pids.server),
    media: cpuSeconds(pids.media),
    load: cpuSeconds(pids.load),
  });
  const before = { ...cpu(), frames: viewer.videoFrames, at: Date.now() };
  const ages = await measureLatency(
    () => RtpClient.join({ url: server.signalUrl, room, name: 'Eye', viewer: true }),
    start,
    count,
    MEASURE_SECONDS,
  );
  const after = { ...cpu(), frames: viewer.videoFrames, at: Date.now() };
  const seconds = (after.at - before.at) / 1000;
  const percent = (key: 'server' | 'media' | 'load') =>
    ((after[key] - before[key]) / seconds) * 100;
  const joins = await joinTimes(server, room);
  senders.kill('SIGKILL');
  await viewer.close();
  await server.close();
  const cells = [
    count,
    `${(percent('server') / count).toFixed(1)} %`,
    `${(percent('media') / count).toFixed(1)} %`,
    `${(percent('server') + percent('media')).toFixed(0)} %`,
    `${percent('load').toFixed(0)} %`,
    ((after.frames - before.frames) / seconds).toFixed(1),
    `${percentile(joins, 0.5)} / ${percentile(joins, 0.95)} ms`,
    `${percentile(ages, 0.5).toFixed(0)} / ${percentile(ages, 0.95).toFixed(0)} ms`,
  ];
  return `| ${cells.join(' | ')} |`;
}

quietFfmpeg();
console.log(
  '| senders | server CPU each | media CPU each | both in all | load generator | output fps | join to first frame p50 / p95 | added latency p50 / p95 |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
for (const count of [4, 16]) console.log(await benchRoom(count));
process.exit(0);

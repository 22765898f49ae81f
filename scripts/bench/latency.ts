/**
 * From barcode out to barcode in, through the whole server, as the composite arrives; each stage's share
 * by the server's own histograms; and the same two clients connected directly. `latency 16 30` is half an
 * hour with 16 senders, in which it must not grow.
 */

import { RtpClient } from '../../src/bots/rtp-client.js';
import { quietFfmpeg } from '../../src/codecs/ffmpeg/log.js';
import { VideoDecoder } from '../../src/codecs/ffmpeg/video-decoder.js';
import { vp8Depacketizer } from '../../src/codecs/vp8-depacketizer.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { ClientPeer } from '../../src/peer/client-peer.js';
import { STAGES } from '../../src/util/stage-times.js';
import { sleep, type TestServer } from '../../test/support/server.js';
import { readBarcode } from '../barcode.js';
import { FRAME_MICROS, LOOP_FRAMES, loadFixtures } from '../fixtures.js';
import { SETTLE_MS, withCall } from './call.js';
import { type Bench, percentile, type Row, spread } from './report.js';

const LOOP_MICROS = LOOP_FRAMES * FRAME_MICROS;
/** Of the picture's path; the sound's tick is beside it. */
const PATH = STAGES.filter((stage) => stage !== 'mix');
const nowMicros = () => Number(process.hrtime.bigint() / 1000n);

/** Numbers in a tile a second at most. */
const MAX_RATE = 40;

/**
 * Ages in ms of the numbers in all tiles, each when it comes first.
 *
 * They are kept outside of the heap: V8 takes views of pictures for memory of its own and collects
 * garbage ten times a second, and with a heap that grows for half an hour this process alone would
 * take the CPU from the server that it watches.
 */
async function watch(
  server: TestServer,
  count: number,
  start: number,
  seconds: number,
): Promise<number[]> {
  using decoder = await VideoDecoder.open('vp8');
  const viewer = await RtpClient.join({
    url: server.signalUrl,
    room: 'bench',
    name: 'Eye',
    viewer: true,
  });
  const ages = new Float64Array(count * seconds * MAX_RATE);
  let seen = 0;
  const last = new Map<number, number>();
  const queue: { frame: Buffer[]; at: number }[] = [];
  let current: Buffer[] = [];
  viewer.onVideoPayload = (payload, marker) => {
    current.push(payload);
    if (!marker) return;
    queue.push({ frame: current, at: nowMicros() });
    current = [];
  };
  for (const until = Date.now() + seconds * 1000; Date.now() < until; ) {
    const next = queue.shift();
    if (!next) {
      await sleep(2);
      continue;
    }
    const frame = vp8Depacketizer.assemble(next.frame);
    const picture = frame && (await decoder.decode(frame.data));
    if (!picture || picture === 'corrupt') continue;
    for (let index = 0; index < count; index++) {
      const code = readBarcode(picture, count, index);
      if (code < 0 || code === last.get(index)) continue;
      last.set(index, code);
      // See load-process.ts: the loop and the phase of person `index`.
      const phase = ((index * 0.618) % 1) * FRAME_MICROS;
      const sent = start + (code - index * 37) * FRAME_MICROS + phase;
      const age = (((next.at - sent) % LOOP_MICROS) + LOOP_MICROS) % LOOP_MICROS;
      ages[seen++] = age / 1000;
    }
    picture[Symbol.dispose]();
  }
  await viewer.close();
  return [...ages.subarray(0, seen)];
}

/** Two clients without a server between them. */
async function direct(seconds: number): Promise<number[]> {
  const { video } = await loadFixtures();
  const base = { codec: 'vp8', screen: false, data: false, ipv6: false, videoSequence: 1 } as const;
  const sender = new ClientPeer({ ...base, sends: true, receives: { audio: false, video: false } });
  const receiver = new ClientPeer({
    ...base,
    sends: false,
    receives: { audio: false, video: false },
  });
  await sender.answered(await receiver.answer(await sender.offer()));
  await Promise.all([sender.connected(), receiver.connected()]);
  const sentAt = new Map<number, number>();
  const ages: number[] = [];
  receiver.onRtp = ({ marker, timestamp }) => {
    const at = sentAt.get(timestamp);
    if (marker && at !== undefined) ages.push((nowMicros() - at) / 1000);
  };
  for (let index = 0; index < seconds * 30; index++) {
    const timestamp = index * 3000;
    sentAt.set(timestamp, nowMicros());
    const data = video.h[index % video.h.length] as Buffer;
    sender.sendRtp('video', packetizeVp8(data, index), timestamp);
    await sleep(33);
  }
  await Promise.all([sender.close(), receiver.close()]);
  return ages;
}

/** Mean ms in each stage between two scrapes. */
async function stageTimes(server: TestServer): Promise<Map<string, [number, number]>> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const pattern = /^tessera_room_stage_seconds_(sum|count)\{.*stage="(\w+)"\} (\S+)$/gm;
  const found = new Map<string, [number, number]>();
  for (const [, kind, stage = '', value] of text.matchAll(pattern)) {
    const entry = found.get(stage) ?? [0, 0];
    entry[kind === 'sum' ? 0 : 1] = Number(value);
    found.set(stage, entry);
  }
  return found;
}

export const benchLatency: Bench = async ([counts = '4,16', minutes = '0.5']) => {
  quietFfmpeg();
  const rows: Row[] = [];
  for (const count of counts.split(',').map(Number)) {
    const [ages, stages] = await withCall(async (call) => {
      // Browsers send layers; the smallest that fills its tile is decoded.
      const { start } = await call.grow(count, { layers: ['h', 'm', 'l'], receives: false });
      await sleep(SETTLE_MS);
      const before = await stageTimes(call.server);
      const seen = await watch(call.server, count, start, Number(minutes) * 60);
      const after = await stageTimes(call.server);
      const means = PATH.map((stage) => {
        const [[sum0, n0], [sum1, n1]] = [before, after].map((all) => all.get(stage) ?? [0, 0]) as [
          [number, number],
          [number, number],
        ];
        return `${stage} ${(((sum1 - sum0) / (n1 - n0)) * 1000).toFixed(1)}`;
      });
      return [seen, means] as const;
    });
    const alone = await direct(10);
    const over = percentile(ages, 0.5) - percentile(alone, 0.5);
    const command = `latency ${count} ${minutes}`;
    rows.push({
      what: `latency with ${count} senders over ${minutes} min, p50 / p95 / p99`,
      measured: `${spread(ages)} (${stages.join(', ')})`,
      against: `connected directly ${spread(alone)}: ${over.toFixed(0)} ms over it`,
      ratio: Number.NaN,
      goal: count === 16 ? '≤ 70 ms over it' : '',
      command,
    });
    const fifth = Math.floor(ages.length / 5);
    const [first, last] = [ages.slice(0, fifth), ages.slice(-fifth)].map((part) =>
      percentile(part, 0.5),
    ) as [number, number];
    rows.push({
      what: `the same with ${count} at the end of ${minutes} min`,
      measured: `p50 ${last.toFixed(0)} ms`,
      against: `at the beginning ${first.toFixed(0)} ms`,
      ratio: last / first,
      goal: count === 16 ? 'no growth' : '',
      command,
    });
    console.error(rows.slice(-2));
  }
  return rows;
};

/**
 * `npm run bench:viewers`: what viewers cost. A room with one moving picture is watched by 200 over
 * WHEP in 640x360, then by 100 in 1280x720; the generator is a process beside the server, decrypts
 * nothing, and looks for gaps in the sequence numbers. `-- 50 20` sets the two numbers.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { RtcpRrPacket } from 'werift';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { TalkingHeads } from '../../src/bots/talking-heads.js';
import { quietFfmpeg } from '../../src/codecs/ffmpeg/log.js';
import { Picture } from '../../src/codecs/ffmpeg/picture.js';
import { VideoEncoder } from '../../src/codecs/ffmpeg/video-encoder.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { ClientPeer } from '../../src/peer/client-peer.js';
import { sleep, TestServer } from '../../test/support/server.js';
import { cpuSeconds } from './process-cpu.js';

const MEASURE_SECONDS = 15;
const CASES = [
  { name: '640x360@30', viewers: Number(process.argv[2] ?? 200) },
  { name: '1280x720@30', viewers: Number(process.argv[3] ?? 100) },
] as const;
const FRAMES = 90;

/** What viewers received, in all. */
interface Received {
  packets: number;
  bytes: number;
  lost: number;
}

/** The generator's process: viewers of one rendition. Answers each message with what was received so far. */
async function generate(url: string, rendition: string, viewers: number): Promise<void> {
  const received: Received = { packets: 0, bytes: 0, lost: 0 };
  const peers: ClientPeer[] = [];
  const join = async () => {
    const peer = new ClientPeer({
      codec: 'vp8',
      sends: false,
      screen: false,
      data: false,
      ipv6: false,
      receives: { audio: true, video: true },
      videoSequence: 0,
    });
    const answer = await fetch(`${url}?rendition=${encodeURIComponent(rendition)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: await peer.offer(),
    });
    if (answer.status !== 201) throw new Error(await answer.text());
    await peer.answered(await answer.text());
    await peer.connected();
    const last = new Map<number, number>();
    peer.tapMedia((data) => {
      const type = data[1] as number;
      if (type >= 192 && type <= 223) return;
      received.packets++;
      received.bytes += data.length;
      const ssrc = data.readUInt32BE(8);
      const sequence = data.readUInt16BE(2);
      const before = last.get(ssrc);
      if (before !== undefined) received.lost += ((sequence - before) & 0xffff) - 1;
      last.set(ssrc, sequence);
    });
    peers.push(peer);
  };
  for (let count = 0; count < viewers; count += 4) {
    await Promise.all(Array.from({ length: Math.min(4, viewers - count) }, join));
  }
  setInterval(() => {
    for (const peer of peers) {
      peer.sendRtcp([new RtcpRrPacket({ ssrc: 1, reports: [] })]).catch(() => {});
    }
  }, 1000);
  process.on('message', () => process.send?.({ ...received }));
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}

/** A picture that takes all the bits that it may. */
async function speaker(server: TestServer, room: string): Promise<() => Promise<void>> {
  const size = { width: 1280, height: 720 };
  const heads = new TalkingHeads(size.width, size.height, 4);
  using picture = Picture.allocate(size.width, size.height);
  using encoder = await VideoEncoder.open({
    codec: 'vp8',
    ...size,
    frameRate: 30,
    bitrateBps: 6e6,
  });
  const frames: Buffer[] = [];
  for (let i = 0; i < FRAMES; i++) {
    heads.draw(picture, i);
    for (const { data } of await encoder.encode(picture, i * 33_333, i === 0)) frames.push(data);
  }
  const client = await RtpClient.join({ url: server.signalUrl, room, name: 'Ada', receive: false });
  let at = 0;
  const start = performance.now();
  const timer = setInterval(() => {
    for (; at < (performance.now() - start) / 33.333; at++) {
      client.sendRtp('video', packetizeVp8(frames[at % FRAMES] as Buffer, at), at * 3000);
    }
  }, 5);
  return async () => {
    clearInterval(timer);
    await client.leave();
  };
}

async function measure(server: TestServer, name: string, viewers: number): Promise<void> {
  const room = `viewers-${viewers}-${name.slice(0, 4)}`;
  const stop = await speaker(server, room);
  const child = fork(
    fileURLToPath(import.meta.url),
    [`${server.url}/whep/${room}`, name, `${viewers}`],
    {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, GENERATE: '1' },
    },
  );
  await once(child, 'message');
  await sleep(3000);
  const { mediaPid } = (await server.room(room)) as { mediaPid: number };
  const snapshot = async () => {
    child.send('?');
    const [received] = (await once(child, 'message')) as [Received];
    return {
      ...received,
      server: cpuSeconds(server.pid),
      media: cpuSeconds(mediaPid),
      load: cpuSeconds(child.pid as number),
      at: performance.now(),
    };
  };
  const before = await snapshot();
  await sleep(MEASURE_SECONDS * 1000);
  const after = await snapshot();
  const seconds = (after.at - before.at) / 1000;
  const delta = (key: keyof typeof after) => after[key] - before[key];
  const cores = (key: 'server' | 'media' | 'load') =>
    `${((100 * delta(key)) / seconds).toFixed(0)} %`;
  const [packets, cpu] = [delta('packets'), delta('server')];
  console.log(
    `| ${viewers} of ${name} | ${(packets / seconds).toFixed(0)} | ${((delta('bytes') * 8) / seconds / viewers / 1000).toFixed(0)} | ${delta('lost')} | ${((cpu * 1e6) / packets).toFixed(1)} | ${(packets / cpu).toFixed(0)} | ${cores('server')} / ${cores('media')} / ${cores('load')} |`,
  );
  child.disconnect();
  await stop();
}

async function main(): Promise<void> {
  const server = await TestServer.start({ TESSERA_ROOM_MAX_PARTICIPANTS: '1000' });
  console.log(
    '| viewers | packets/s | kbit/s each | lost | us of CPU a packet | packets/s a core | server / media / generator |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  try {
    for (const { name, viewers } of CASES) await measure(server, name, viewers);
  } finally {
    await server.close();
  }
}

quietFfmpeg();
if (process.env.GENERATE) {
  const [url = '', rendition = '', viewers = '0'] = process.argv.slice(2);
  await generate(url, rendition, Number(viewers));
} else await main();

/**
 * `npm run bench:recording`: what a recording costs beyond the call, in a room of four that a viewer
 * of H.264 watches. With and without by turns, so that what else the machine does falls on both.
 */
import { RtpClient } from '../../src/bots/rtp-client.js';
import type { RecordingRequest } from '../../src/protocol/recording-info.js';
import { act, over, record, running } from '../../test/support/recordings.js';
import { sleep, TestServer } from '../../test/support/server.js';
import { Load } from './load.js';
import { cpuSeconds } from './process-cpu.js';

const SENDERS = 4;
const TURNS = 4;
const TURN_SECONDS = 10;

interface Cost {
  readonly server: number;
  readonly media: number;
  readonly egress: number;
}

const CASES: readonly (readonly [string, RecordingRequest])[] = [
  ['MP4: H.264 and Opus, as they are', {}],
  ['MP4 with AAC', { audioCodec: 'aac' }],
  ['sound alone: Ogg', { format: 'ogg' }],
  ["MP4, and everybody's own tracks", { tracks: true }],
];

const room = 'bench';

async function egressPid(server: TestServer, id: string): Promise<number | undefined> {
  const { recordings } = (await server.stats()) as unknown as {
    recordings: { pids: Record<string, number> };
  };
  return recordings.pids[id];
}

/** CPU seconds a second, of each process. */
async function measure(server: TestServer, recording: string | undefined): Promise<Cost> {
  const { mediaPid } = (await server.room(room)) as { mediaPid: number };
  const pid = recording === undefined ? undefined : await egressPid(server, recording);
  const read = () => [
    cpuSeconds(server.pid),
    cpuSeconds(mediaPid),
    pid === undefined ? 0 : cpuSeconds(pid),
  ];
  const before = read();
  await sleep(TURN_SECONDS * 1000);
  const [server_ = 0, media = 0, egress = 0] = read().map(
    (value, i) => (value - (before[i] as number)) / TURN_SECONDS,
  );
  return { server: server_, media, egress };
}

const mean = (costs: readonly Cost[], of: keyof Cost) =>
  costs.reduce((sum, cost) => sum + cost[of], 0) / costs.length;
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

async function benchCase(server: TestServer, request: RecordingRequest): Promise<string> {
  const without: Cost[] = [];
  const with_: Cost[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    without.push(await measure(server, undefined));
    const { id } = await record(server, room, request);
    await running(server, id);
    await sleep(1000);
    with_.push(await measure(server, id));
    await act(server, id, 'stop');
    const { error } = await over(server, id);
    if (error) throw new Error(error.message);
  }
  const server_ = mean(with_, 'server') - mean(without, 'server');
  const media = mean(with_, 'media') - mean(without, 'media');
  const egress = mean(with_, 'egress');
  return [
    percent(server_ + media + egress),
    percent(egress),
    percent(server_),
    percent(media),
  ].join(' | ');
}

async function main(): Promise<void> {
  const server = await TestServer.start({ TESSERA_LOG_LEVEL: 'error' });
  const senders = await Load.start();
  const people = { room, count: SENDERS, layers: ['m'], sound: true, receives: false } as const;
  await senders.grow({ url: server.signalUrl, receiveCodec: 'h264', ...people });
  const options = {
    url: server.signalUrl,
    room,
    name: 'Viewer',
    viewer: true,
    codec: 'h264',
  } as const;
  const viewer = await RtpClient.join(options);
  await sleep(5000);
  console.log('| recording | cost, of a core | its process | server | media process |');
  console.log('| --- | --- | --- | --- | --- |');
  for (const [name, request] of CASES) {
    console.log(`| ${name} | ${await benchCase(server, request)} |`);
  }
  await viewer.close();
  senders.stop();
  await server.close();
}

await main();

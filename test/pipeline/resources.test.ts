/** Resources that run out: each is said once, refuses what is new, and leaves what is there alone. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { sleep, TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

const BLOCK = fileURLToPath(new URL('../support/block-event-loop.mjs', import.meta.url));

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function start(environment: Record<string, string> = {}): Promise<TestServer> {
  const server = await TestServer.start(environment);
  open.push(() => server.close());
  return server;
}

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Lines of the log with this in their message. */
function logged(server: TestServer, text: string): LogLine[] {
  return server.log
    .join('')
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes(text))
    .map((line) => JSON.parse(line) as LogLine);
}

async function metric(server: TestServer, series: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.split(' ').at(-1));
}

async function send(
  server: TestServer,
  method: string,
  path: string,
  body: object,
): Promise<{ status: number; code: unknown }> {
  const response = await fetch(`${server.url}/v1${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { code } = (await response.json()) as { code?: unknown };
  return { status: response.status, code };
}

/** A call that goes on; `heard` waits for more of its sound. */
async function call(server: TestServer, room: string) {
  const client = await RtpClient.join({ url: server.signalUrl, room, name: 'Ada' });
  open.push(() => client.close());
  const heard = async () => {
    const before = client.packetsReceived.audio;
    await waitFor('sound', () => client.packetsReceived.audio > before + 25);
  };
  await heard();
  return { heard };
}

/** A folder on a disk of its own with 256 kB; undefined where that needs rights that we do not have. */
function smallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-small-'));
  open.push(() => rmSync(folder, { recursive: true, force: true }));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tessera', folder], {
      stdio: 'ignore',
    });
  } catch {
    return undefined;
  }
  open.push(() => execFileSync('umount', ['-l', folder]));
  return folder;
}

test('on a full disk no room is made, what changes is said not to last, and calls go on', async ({
  skip,
}) => {
  const disk = smallDisk();
  if (!disk) return skip('mounting a small disk is not allowed here');
  const server = await start({ TESSERA_DATA_DIR: disk });
  expect(await send(server, 'POST', '/rooms', { name: 'before' })).toMatchObject({ status: 201 });
  const { heard } = await call(server, 'before');
  const filling = join(disk, 'filling');
  for (let size = 256 * 1024; size >= 512; size /= 2) {
    try {
      writeFileSync(filling, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full to the last page is what is wanted.
    }
  }
  for (let i = 0; i < 5; i++) {
    const refused = await send(server, 'POST', '/rooms', { name: `new-${i}` });
    expect(refused).toEqual({ status: 507, code: 'disk_full' });
  }
  const changed = await send(server, 'PATCH', '/rooms/before', { metadata: 'x' });
  expect(changed).toEqual({ status: 507, code: 'disk_full' });
  expect(await (await fetch(`${server.url}/v1/rooms`)).json()).toHaveLength(1);
  // Nothing half-written takes the last space.
  expect(readdirSync(join(disk, 'rooms')).filter((name) => name.endsWith('.new'))).toEqual([]);
  expect(await metric(server, 'tessera_records_not_kept_total')).toBeGreaterThanOrEqual(6);
  expect(logged(server, 'records could not be kept')).toHaveLength(1);
  await heard();
  rmSync(filling);
  expect(await send(server, 'POST', '/rooms', { name: 'after' })).toMatchObject({ status: 201 });
  await server.close();
  const next = await start({ TESSERA_DATA_DIR: disk });
  const rooms = (await (await fetch(`${next.url}/v1/rooms`)).json()) as { name: string }[];
  expect(rooms.map(({ name }) => name).sort()).toEqual(['after', 'before']);
});

test('a disk with too little free space is said, and refuses what would be kept there', async () => {
  const server = await start({ TESSERA_DATA_MIN_FREE_SPACE: '1000000' });
  expect(await send(server, 'POST', '/rooms', { name: 'new' })).toEqual({
    status: 507,
    code: 'disk_low',
  });
  expect(await metric(server, 'tessera_resource_low{resource="data_disk"}')).toBe(1);
  expect(logged(server, 'a resource is short')).toMatchObject([
    { level: 40, resource: 'data_disk', next: expect.stringContaining('data.minFreeSpace') },
  ]);
  // A room that begins by a join needs no disk.
  await call(server, 'joined');
});

test('a folder that cannot be written to refuses rooms', async () => {
  const server = await start();
  mkdirSync(server.dataDir, { recursive: true });
  writeFileSync(join(server.dataDir, 'rooms'), 'a file where the folder should be');
  expect(await send(server, 'POST', '/rooms', { name: 'new' })).toEqual({
    status: 500,
    code: 'write_failed',
  });
  expect(await (await fetch(`${server.url}/v1/rooms`)).json()).toEqual([]);
});

test('requests that are never whole end, and others are answered meanwhile', async () => {
  const server = await start({ TESSERA_LIMITS_REQUEST_SECONDS: '1' });
  const { hostname, port } = new URL(server.url);
  const answers: string[] = [];
  const half = [
    '',
    'GET / HT',
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
    'POST /v1/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"na',
  ];
  const sockets = half.flatMap((text) => Array.from({ length: 25 }, () => text));
  let closed = 0;
  for (const text of sockets) {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      closed++;
      if (text !== '') answers.push(answer.split('\r\n')[0] ?? '');
    });
    open.push(() => socket.destroy());
  }
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  await waitFor('all of them to end', () => closed === sockets.length);
  expect(answers.filter((answer) => answer.includes('408')).length).toBeGreaterThan(0);
  expect(answers.filter((answer) => answer !== '' && !answer.includes('408'))).toEqual([]);
});

/** Lets the server have this many file descriptors more than it has. */
function limitDescriptors(server: TestServer, more: number): void {
  const limit = readdirSync(`/proc/${server.pid}/fd`).length + more;
  execFileSync('prlimit', ['--pid', `${server.pid}`, `--nofile=${limit}:`]);
}

test('with few file descriptors left joins are refused, and a call goes on', async ({ skip }) => {
  const server = await start();
  const { heard } = await call(server, 'there');
  try {
    limitDescriptors(server, 30);
  } catch {
    return skip('the limit of another process cannot be set here');
  }
  const low = 'tessera_resource_low{resource="descriptors"}';
  await waitFor('the shortage', async () => (await metric(server, low)) === 1);
  const late = await Wire.join(server, 'there', 'Late');
  expect(late.messages[0]).toMatchObject({
    type: 'error',
    code: 'resources_low',
    retryAfterSeconds: 10,
  });
  late.socket.close();
  expect(await send(server, 'POST', '/rooms', { name: 'new' })).toEqual({
    status: 503,
    code: 'resources_low',
  });
  expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
  expect(logged(server, 'a resource is short')).toMatchObject([
    { level: 40, resource: 'descriptors', next: expect.stringContaining('ulimit') },
  ]);
  const mediaPid = (await server.room('there'))?.mediaPid as number;
  // None at all is left: connections are dropped, and nothing breaks.
  const { hostname, port } = new URL(server.url);
  const sockets = Array.from({ length: 60 }, () => connect(Number(port), hostname));
  for (const socket of sockets) socket.on('error', () => {});
  await heard();
  // Its media process is replaced by the spare; for another spare there is no pipe.
  process.kill(mediaPid, 'SIGKILL');
  await waitFor('the log', () => logged(server, 'cannot start a spare').length > 0);
  await heard();
  for (const socket of sockets) socket.destroy();
  limitDescriptors(server, 10_000);
  await waitFor('enough', async () => (await metric(server, low)) === 0);
  await call(server, 'there');
  await heard();
  expect(server.exitCode).toBeUndefined();
});

test('an event loop that stands still is counted, and logged with what ran', async () => {
  const server = await start({ NODE_OPTIONS: `--import ${BLOCK}` });
  const blocked = () => metric(server, 'tessera_event_loop_blocked_total');
  for (const [signal, name] of [
    ['SIGWINCH', 'loopForLong'],
    ['SIGURG', 'waitForLong'],
  ] as const) {
    const before = await blocked();
    process.kill(server.pid, signal);
    const line = await waitFor('the log', () =>
      logged(server, 'the event loop was blocked').find(({ ran }) => `${ran}`.includes(name)),
    );
    expect(line.level).toBe(50);
    expect(line.ran).toContain('block-event-loop.mjs:');
    expect(line.blockedMs).toBeGreaterThanOrEqual(2000);
    expect(await blocked()).toBeGreaterThan(before);
  }
  expect(await metric(server, 'tessera_event_loop_delay_seconds_count')).toBeGreaterThan(10);
});

test('a process that was stopped is told apart from an event loop that was blocked', async () => {
  const server = await start();
  const before = await metric(server, 'tessera_event_loop_blocked_total');
  process.kill(server.pid, 'SIGSTOP');
  await sleep(2600);
  process.kill(server.pid, 'SIGCONT');
  const stopped = () => logged(server, 'the whole process stood still')[0];
  expect((await waitFor('the log', stopped)).blockedMs).toBeGreaterThanOrEqual(2000);
  expect(await metric(server, 'tessera_event_loop_blocked_total')).toBeGreaterThan(before);
});

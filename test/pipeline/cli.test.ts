/** The command line as a person uses it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeKey } from '../../src/config/api-keys.js';
import { Bot } from '../support/bot.js';
import { tile } from '../support/expect-media.js';
import { TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

const MAIN = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));
const key = makeKey();
const KEYS = { TESSERA_AUTH_KEYS: `${key.id}:${key.secret}` };
const folder = mkdtempSync(join(tmpdir(), 'tessera-cli-'));
let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start(KEYS);
});
afterAll(() => server?.close());

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(
  line: string,
  environment: Record<string, string> = {},
): [ChildProcess, Promise<Ran>] {
  const child = spawn(process.execPath, [MAIN, ...line.split(' ').filter(Boolean)], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...environment },
  });
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  const ran = new Promise<Ran>((resolve) =>
    child.once('close', (code) => resolve({ code, out, err })),
  );
  return [child, ran];
}

const run = (line: string, environment?: Record<string, string>) => start(line, environment)[1];
const onServer = (line: string) => run(line, { ...KEYS, TESSERA_URL: server.url });

test('help and version are printed; unknown commands and flags are refused', async () => {
  const help = await run('--help');
  expect(help.code).toBe(0);
  for (const command of ['serve', 'config', 'key', 'token', 'room', 'doctor', 'bot', 'load-test']) {
    expect(help.out).toContain(command);
  }
  expect((await run('--version')).out).toMatch(/^\d+\.\d+\.\d+/);
  expect((await run('serve --nonsense')).code).toBe(1);
  expect((await run('serve --nonsense')).err).toContain('--nonsense');
  expect((await run('bot --count 0')).err).toContain('whole number from 1 to 100');
});

test('flags override the environment, which overrides the file; secrets are masked; all faults are listed', async () => {
  const file = join(folder, 'own.yaml');
  writeFileSync(
    file,
    'video:\n  width: 640\n  height: 360\n  frameRate: 20\nauth:\n  keys:\n    mykey: very-secret-text\nweb:\n  origins: [https://a.example, https://b.example]\n',
  );
  const environment = { TESSERA_VIDEO_HEIGHT: '480', TESSERA_VIDEO_FRAME_RATE: '25' };
  const { out } = await run(`config -c ${file} --video-frame-rate 15 --json`, environment);
  expect(out).not.toContain('very-secret-text');
  expect(JSON.parse(out)).toMatchObject({
    'video.width': { value: 640, source: 'file' },
    'video.height': { value: 480, source: 'environment' },
    'video.frameRate': { value: 15, source: 'flag' },
    'audio.bitrate': { value: 48, source: 'default' },
    'web.origins': { value: 'https://a.example,https://b.example', source: 'file' },
    'auth.keys': { value: '***', source: 'file' },
  });
  // What it prints is a configuration file again.
  const printed = join(folder, 'printed.yaml');
  writeFileSync(printed, (await run(`config --video-width 320`)).out);
  const again = JSON.parse((await run(`config -c ${printed} --json`)).out);
  expect(again['video.width']).toEqual({ value: 320, source: 'file' });
  writeFileSync(
    file,
    'video:\n  width: 641\n  wide: 1\nport: x\nauth:\n  keys: [k:short-secret]\n',
  );
  const wrong = await run(`config -c ${file} --audio-bitrate 9999`, { TESSERA_NOPE: '1' });
  expect(wrong.code).toBe(1);
  for (const fault of [/video\.width=641/, /video\.wide: no such setting/, /port=x/]) {
    expect(wrong.err).toMatch(fault);
  }
  expect(wrong.err).toMatch(/--audio-bitrate=9999.*16 to 256 \(kbit\/s\)/);
  expect(wrong.err).toContain('TESSERA_NOPE: no such setting');
  writeFileSync(file, 'video: [}');
  expect((await run(`config -c ${file}`)).err).toContain('own.yaml');
  expect((await run('config -c nowhere.yaml')).err).toContain('cannot be read');
});

test('the server takes only good keys', async () => {
  for (const [keys, fault] of [
    ['', 'there is no API key'],
    ['mine:short', 'fewer than 32 bytes'],
    [`devkey:${key.secret}`, 'is a sample'],
    [`mine:${'secret'.repeat(8)}`, 'is a sample'],
    [`mine:${'ab'.repeat(20)}`, 'is a sample'],
    [`mine:${key.secret},other:short`, 'other has fewer'],
  ] as const) {
    const { code, err } = await run('serve --host 0.0.0.0 --port 0', { TESSERA_AUTH_KEYS: keys });
    expect([keys, code]).toEqual([keys, 1]);
    expect(err).toContain(fault);
    // It says how to make one, and that one is good.
    const made = /TESSERA_AUTH_KEYS=(\S+)/.exec(err)?.[1] ?? '';
    const doctor = await run('doctor --no-benchmark --json --port 0 --host 0.0.0.0', {
      TESSERA_AUTH_KEYS: made,
    });
    expect(JSON.parse(doctor.out)[0]).toMatchObject({ check: 'settings', state: 'ok' });
  }
  // A proxy on this machine makes loopback public.
  const behindProxy = { TESSERA_AUTH_KEYS: 'devkey:secret', TESSERA_WEB_TRUST_PROXY: '127.0.0.1' };
  expect((await run('serve --port 0', behindProxy)).err).toContain('fewer than 32 bytes');
  const found = await run('doctor --no-benchmark --json --port 0', behindProxy);
  expect(JSON.parse(found.out)[0]).toMatchObject({ check: 'settings', state: 'fault' });
  expect((await run('serve', { TESSERA_AUTH_KEYS: 'nonsense' })).err).toContain('key:secret');
  expect((await run('serve', { TESSERA_AUTH_KEYS: 'a:b,a:c' })).err).toContain('a is there twice');
});

test('serve --lan makes a key, a certificate and links', async () => {
  const [child, ran] = start('serve --lan --port 0 --server-drain-seconds 0');
  let out = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  await waitFor('the links', () => out.includes('Invite with'));
  const links = [...out.matchAll(/https:\/\/\S+#token=(\S+)/g)].map(([, token]) => token as string);
  const [host, guest] = [links.at(-2), links.at(-1)].map((token) => decodeJwt(token as string));
  expect(host?.video).toMatchObject({ room: 'demo', roomJoin: true, roomAdmin: true });
  expect(guest?.video).toEqual({ room: 'demo', roomJoin: true });
  expect([host?.sub, guest?.sub]).toEqual([undefined, undefined]);
  child.kill('SIGTERM');
  expect((await ran).code).toBe(0);
});

test('tokens of every kind open what they are for', async () => {
  const create = async (line: string) => (await run(`token create ${line}`, KEYS)).out.trim();
  const token = await create('--room cli --identity ada --name Ada --role host --ttl 15m');
  const claims = decodeJwt(token);
  expect(claims).toMatchObject({ iss: key.id, sub: 'ada', name: 'Ada' });
  expect((claims.exp as number) - Date.now() / 1000).toBeCloseTo(900, -2);
  const ada = await Wire.join(server, 'cli', 'x', { token });
  expect(await ada.next('welcome')).toMatchObject({ room: { id: 'cli' } });
  expect((await onServer('room ls')).out).toMatch(/cli +1/);
  const limited = await create('--room cli --invite --source microphone --no-subscribe --hidden');
  expect(decodeJwt(limited).video).toEqual({
    room: 'cli',
    roomJoin: true,
    canPublishSources: ['microphone'],
    canSubscribe: false,
    hidden: true,
  });
  const link = await create('--room cli --identity b --page https://x.example/');
  expect(link).toMatch(/^https:\/\/x\.example\/\?room=cli#token=ey/);
  for (const [line, fault] of [
    ['--room cli', 'either --identity or --invite'],
    ['--identity x', 'a room is needed'],
    ['--room ../x --identity x', 'not a room name'],
    ['--room cli --identity x --ttl 5', '90s'],
    ['--room cli --identity x --role king', 'host'],
  ] as const) {
    const refused = await run(`token create ${line}`, KEYS);
    expect([line, refused.code]).toEqual([line, 1]);
    expect(refused.err).toContain(fault);
  }
  expect((await run('token create --room cli --invite')).err).toContain('tessera key');
  ada.socket.close();
});

test('rooms are listed, created and ended', async () => {
  expect((await onServer('room create made --lock --lobby')).out).toContain('Made made');
  expect((await onServer('room create made')).err).toContain('room_exists');
  expect((await onServer('room ls')).out).toMatch(/made +0 +0 .*locked, lobby/);
  const rooms = JSON.parse((await onServer('room ls --json')).out);
  expect(rooms).toEqual(
    expect.arrayContaining([expect.objectContaining({ name: 'made', locked: true })]),
  );
  expect((await onServer('room rm made')).out).toContain('Ended made');
  expect((await onServer('room rm made')).err).toContain('room_not_found');
  const noKey = await run('room ls', { TESSERA_URL: server.url });
  expect([noKey.code, noKey.err]).toEqual([1, expect.stringContaining('unauthorized')]);
  const nobody = await run('room ls --url http://127.0.0.1:9');
  expect([nobody.code, nobody.err]).toEqual([1, expect.stringContaining('unreachable')]);
});

test('test participants are seen and heard, and leave on Ctrl-C', async () => {
  const [child, ran] = start('bot --room people --count 2', { ...KEYS, TESSERA_URL: server.url });
  const token = (
    await run('token create --room people --identity v --role viewer', KEYS)
  ).out.trim();
  const viewer = await Bot.join(server, { room: 'people', name: 'V', viewer: true, token });
  const middle = (index: number) => {
    const { x, y, width, height } = tile(index, 2);
    // In the background, beside the clock.
    return [x + width * 0.08, y + height * 0.5] as const;
  };
  const colours = async () => [
    await viewer.colourAt(...middle(0)),
    await viewer.colourAt(...middle(1)),
  ];
  // Ada's is red, Bob's green; the bars behind change them with time.
  const seen = new Set<string>();
  await waitFor(
    'two people of two colours, moving',
    async () => {
      const [ada = [0, 0, 0], bob = [0, 0, 0]] = await colours();
      if (ada[0] > ada[1] + 20 && bob[1] > bob[0] + 20) seen.add(`${ada[0] >> 3}/${bob[1] >> 3}`);
      return seen.size >= 2;
    },
    60_000,
  );
  await waitFor('Ada to be heard', async () => (await viewer.toneLevel(330)) > -40, 30_000);
  await waitFor('Bob to be heard', async () => (await viewer.toneLevel(370.4)) > -40, 30_000);
  child.kill('SIGINT');
  expect((await ran).code).toBe(0);
  viewer.kill();
});

test('a load test reports what viewers got, and fails below its thresholds', async () => {
  const line = 'load-test --room load --publishers 2 --viewers 3 --duration 4s';
  const { code, out } = await onServer(`${line} --json --min-fps 5 --max-loss 5`);
  expect(code).toBe(0);
  const summary = JSON.parse(out);
  expect(summary).toMatchObject({ publishers: 2, viewers: 3, failed: 0 });
  expect(summary.framesPerSecond.min).toBeGreaterThan(5);
  expect(summary.joinMs.p95).toBeGreaterThan(0);
  const missed = await onServer(`${line} --min-fps 1000`);
  expect(missed.code).toBe(1);
  expect(missed.out).toContain('frames a second');
  expect(missed.err).toContain('wanted at least 1000');
  expect((await onServer(`${line} --duration 5`)).err).toContain('not a duration');
  // A room that nobody can enter is reported.
  await onServer('room create closed --lock');
  const closed = await onServer('load-test --room closed --publishers 0 --viewers 1 --duration 1s');
  expect(closed.code).toBe(1);
  expect(closed.err).toContain('room_locked');
});

test('the doctor finds faults, and estimates how many people fit', async () => {
  const stun = createSocket('udp4');
  stun.on('message', (request, { port, address }) => {
    const answer = Buffer.from(request);
    answer.writeUInt16BE(0x0101, 0);
    stun.send(answer, port, address);
  });
  await new Promise<void>((resolve) => stun.bind(0, '127.0.0.1', resolve));
  const { port } = stun.address();
  const healthy = await run(`doctor --json --port 0 --ice-urls turn:127.0.0.1:${port}`);
  expect(healthy.code).toBe(0);
  const findings: { check: string; state: string; text: string }[] = JSON.parse(healthy.out);
  const of = (name: string) => findings.find(({ check }) => check === name);
  expect(of('encoders')).toMatchObject({ state: 'ok', text: 'h264, vp8, vp9, av1' });
  expect(of('TURN')).toMatchObject({ state: 'ok' });
  expect(of('recordings')?.text).toMatch(/GB free in \//);
  for (const name of ['data folder', 'data disk', 'temp disk', 'memory', 'open files']) {
    expect([name, of(name)?.state]).not.toEqual([name, undefined]);
  }
  expect(Number(/about (\d+) participants/.exec(of('capacity')?.text ?? '')?.[1])).toBeGreaterThan(
    0,
  );
  stun.close();
  const taken = new URL(server.url).port;
  const ill = await run(
    `doctor --no-benchmark --port ${taken} --ice-urls turn:127.0.0.1:${port},nonsense --ice-port-range 40000-40003 --ice-advertised-addresses 203.0.113.5`,
  );
  expect(ill.code).toBe(1);
  expect(ill.out).toMatch(/warning web port +\d+ is in use/);
  expect(ill.out).toMatch(/warning media ports +4 ports are fewer than room.maxParticipants/);
  expect(ill.out).toMatch(/203\.0\.113\.5 is not this machine's own: forward UDP 40000-40003/);
  expect(ill.out).toMatch(/FAULT +TURN +turn:127.0.0.1:\d+ does not answer/);
  expect(ill.out).toMatch(/FAULT +TURN +nonsense is not a STUN or TURN URL/);
});

/** The checks of `tessera doctor`. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { connect, createServer, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { hasVideoEncoder } from '../codecs/ffmpeg/video-encoder.js';
import { checkExposure } from '../config/api-keys.js';
import type { ReadConfig } from '../config/load.js';
import type { ServerConfig } from '../config/server-config.js';
import { TesseraError } from '../errors.js';
import { COMPOSITE_CODECS } from '../protocol/codec-names.js';
import { existingFolder } from '../resources/measurements.js';
import { isLoopback } from '../util/loopback.js';

export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'fault';
  readonly text: string;
}

const STUN_MAGIC = 0x2112_a442;
const STUN_BINDING = 0x0001;
const STUN_SUCCESS = 0x0101;
const STUN_RESENDS_MS = [0, 500, 1500];
const ANSWER_MS = 4000;
/** How many ports of the range are tried. */
const TRIED_PORTS = 20;

export const finding = (check: string, state: Finding['state'], text: string): Finding => ({
  check,
  state,
  text,
});

/** Faults that keep the server from starting. */
export function checkSettings({ config, faults }: ReadConfig): Finding {
  if (faults.length > 0) {
    const texts = faults.map(({ text, next }) => (next ? `${text}. ${next}` : text));
    return finding('settings', 'fault', texts.join('; '));
  }
  const { keys } = config.auth;
  try {
    checkExposure(config.http, keys);
    if (keys.length > 0) return finding('settings', 'ok', `${keys.length} API key(s)`);
    return finding('settings', 'warning', 'no API key: development mode, for this machine alone');
  } catch (error) {
    const { message, next } = TesseraError.from(error);
    return finding('settings', 'fault', `${message}${next ? ` ${next}` : ''}`);
  }
}

export function checkEncoders({ rooms }: ServerConfig): Finding {
  const wanted = rooms.videoCodecs;
  const found = COMPOSITE_CODECS.filter(hasVideoEncoder);
  const missing = wanted.filter((codec) => !found.some((name) => name === codec));
  if (found.length === 0) return finding('encoders', 'fault', 'none: run `npm ci` again');
  if (missing.length > 0) return finding('encoders', 'warning', `missing: ${missing.join(', ')}`);
  return finding('encoders', 'ok', found.join(', '));
}

/** Whether recordings can be written, and the free space. */
export async function checkRecordings({ recording }: ServerConfig): Promise<Finding> {
  const check = 'recordings';
  const { folder, minFreeBytes } = recording;
  const place = existingFolder(folder);
  try {
    await access(place, constants.W_OK);
  } catch {
    return finding(check, 'fault', `${place} cannot be written to: set recording.folder`);
  }
  const { bavail, bsize } = await statfs(place);
  const free = `${((bavail * bsize) / 1e9).toFixed(1)} GB free in ${place}`;
  if (bavail * bsize >= minFreeBytes) return finding(check, 'ok', free);
  return finding(check, 'warning', `${free}: less than recording.minFreeSpace`);
}

function listens(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

function bindsUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, () => socket.close(() => resolve(true)));
  });
}

export async function checkPorts({ http, rooms }: ServerConfig): Promise<Finding[]> {
  const { port } = http;
  const fault = await listens(port, http.host);
  const web =
    fault === undefined
      ? finding('web port', 'ok', `${port} is free`)
      : fault === 'EADDRINUSE'
        ? finding('web port', 'warning', `${port} is in use: by Tessera, or set another \`port\``)
        : finding('web port', 'fault', `${port} cannot be used (${fault})`);
  const range = rooms.transport.portRange;
  if (!range) {
    const text = 'chosen by the system; behind a firewall set ice.portRange';
    return [web, finding('media ports', 'ok', text)];
  }
  const [first, last] = range;
  const count = last - first + 1;
  const step = Math.max(1, Math.floor(count / TRIED_PORTS));
  const busy: number[] = [];
  for (let tried = first; tried <= last; tried += step) {
    if (!(await bindsUdp(tried))) busy.push(tried);
  }
  const people = rooms.defaults.maxParticipants;
  if (busy.length > 0) {
    return [web, finding('media ports', 'warning', `in use: ${busy.join(', ')}`)];
  }
  if (count < people) {
    const text = `${count} ports are fewer than room.maxParticipants (${people})`;
    return [web, finding('media ports', 'warning', text)];
  }
  return [web, finding('media ports', 'ok', `${first}-${last} can be bound`)];
}

function isPrivate(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|f[cd]|fe80)/i.test(address);
}

export function checkAddresses({ http, rooms }: ServerConfig): Finding {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address);
  const { portRange, advertisedAddresses: advertised } = rooms.transport;
  const foreign = advertised.filter((address) => !own.includes(address));
  if (foreign.length > 0) {
    const rest = portRange
      ? `forward UDP ${portRange.join('-')}`
      : 'set ice.portRange and forward it there';
    const state = portRange ? 'ok' : 'warning';
    return finding('addresses', state, `${foreign.join(', ')} is not this machine's own: ${rest}`);
  }
  if (isLoopback(http.host)) {
    return finding('addresses', 'ok', 'for this machine alone');
  }
  const all = [...new Set([...own, ...advertised])];
  if (all.every(isPrivate)) {
    const text = `${all.join(', ')}: private only; for the internet set ice.advertisedAddresses`;
    return finding('addresses', 'warning', text);
  }
  return finding('addresses', 'ok', all.join(', '));
}

interface IceUrl {
  readonly host: string;
  readonly port: number;
  readonly isTcp: boolean;
}

/** A STUN or TURN URL (RFC 7064, RFC 7065); undefined if it is not one. */
function parseIceUrl(url: string): IceUrl | undefined {
  const match = /^(stuns?|turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=(udp|tcp))?$/.exec(
    url,
  );
  if (!match) return undefined;
  const [, scheme = '', host = '', port, transport] = match;
  const isSecure = scheme.endsWith('s');
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port ?? (isSecure ? 5349 : 3478)),
    isTcp: isSecure || transport === 'tcp',
  };
}

function reachesTcp({ host, port }: IceUrl): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: ANSWER_MS });
    const done = (reached: boolean) => {
      socket.destroy();
      resolve(reached);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
  });
}

/** A STUN Binding request (RFC 8489, 5); every TURN server answers it too. */
function reachesUdp({ host, port }: IceUrl): Promise<boolean> {
  const request = Buffer.alloc(20);
  request.writeUInt16BE(STUN_BINDING, 0);
  request.writeUInt32BE(STUN_MAGIC, 4);
  randomBytes(12).copy(request, 8);
  return new Promise((resolve) => {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    const timers = STUN_RESENDS_MS.map((at) =>
      setTimeout(() => socket.send(request, port, host), at),
    );
    const done = (reached: boolean) => {
      for (const timer of timers) clearTimeout(timer);
      socket.close();
      resolve(reached);
    };
    timers.push(setTimeout(() => done(false), ANSWER_MS));
    socket.once('error', () => done(false));
    socket.on('message', (answer) => {
      const isOurs = answer.length >= 20 && answer.subarray(8, 20).equals(request.subarray(8));
      if (isOurs && answer.readUInt16BE(0) === STUN_SUCCESS) done(true);
    });
  });
}

export async function checkIceServers({
  http,
  iceServers: { urls },
}: ServerConfig): Promise<Finding[]> {
  if (urls.length === 0) {
    const text = 'none: clients behind strict firewalls need one, or ice.tcp';
    return [finding('TURN', isLoopback(http.host) ? 'ok' : 'warning', text)];
  }
  return Promise.all(
    urls.map(async (url) => {
      const parsed = parseIceUrl(url);
      if (!parsed) return finding('TURN', 'fault', `${url} is not a STUN or TURN URL`);
      const start = performance.now();
      const reached = await (parsed.isTcp ? reachesTcp(parsed) : reachesUdp(parsed));
      const ms = (performance.now() - start).toFixed(0);
      if (reached) return finding('TURN', 'ok', `${url} answers within ${ms} ms`);
      return finding('TURN', 'fault', `${url} does not answer`);
    }),
  );
}

/** Tokens expire: a wrong clock ends them too early or too late. */
export async function checkClock({ auth }: ServerConfig): Promise<Finding> {
  const now = `${new Date().toISOString()}; tokens may be off by ${auth.clockSkewSeconds} s`;
  try {
    const { stdout } = await promisify(execFile)('timedatectl', [
      'show',
      '--property=NTPSynchronized',
      '--value',
    ]);
    if (stdout.trim() === 'yes') return finding('clock', 'ok', `${now}; kept by NTP`);
    return finding('clock', 'warning', `${now}; not kept by NTP`);
  } catch {
    // Containers have no timedatectl: their host keeps the clock.
    return finding('clock', 'ok', `${now}; whether NTP keeps it is unknown here`);
  }
}

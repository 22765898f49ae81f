/** Settings of the process and its web server: where it listens, who may reach it, where it keeps data. */
import { choice, list, number, type ReportFault, text, type ValuesOf } from './setting.js';

export const LISTEN_SETTINGS = [
  text('host', '127.0.0.1', 'Address that the web server listens on; `--lan` makes it `0.0.0.0`.'),
  number(
    'port',
    { unit: 'port', min: 0, max: 65_535, default: 8080 },
    'Port of the web server; 0 lets the system choose.',
  ),
  choice('tls', ['off', 'self-signed'], 'HTTPS with a certificate made at start; `--lan` sets it.'),
  choice(
    'logLevel',
    ['info', 'debug', 'warn', 'error', 'silent'],
    'Least severe log lines that are written.',
  ),
] as const;

export const SERVER_SETTINGS = [
  number(
    'server.maxRooms',
    { unit: 'rooms', min: 1, max: 10_000, default: 100 },
    'Rooms at a time; more are refused.',
  ),
  number(
    'server.drainSeconds',
    { unit: 'seconds', min: 0, max: 86_400, default: 30 },
    'How long the first SIGTERM or SIGINT waits for calls to end; the second ends them at once.',
  ),
  text(
    'data.dir',
    'data',
    'Folder for what survives a restart: pending webhooks, revoked tokens, rooms made by the API, recordings.',
  ),
  number(
    'data.minFreeSpace',
    { unit: 'MB', min: 0, max: 1_000_000, default: 50 },
    'With less free space in `data.dir` no room is made by the API and no capture starts.',
  ),
] as const;

export const WEB_SETTINGS = [
  list(
    'web.origins',
    [],
    "Origins of other pages, besides the server's own, that may open calls and use the API, comma separated; `*` allows all.",
  ),
  list(
    'web.trustProxy',
    [],
    "Addresses or networks of reverse proxies, comma separated. Their `X-Forwarded-For` gives the client's address, their `X-Forwarded-Prefix` the path.",
  ),
  text(
    'web.prefix',
    '',
    'Path below which a reverse proxy serves everything, e.g. `/tessera`; whether the proxy removes it is the same.',
  ),
] as const;

export const LIMIT_SETTINGS = [
  number(
    'limits.requestsPerMinute',
    { unit: 'requests/min', min: 1, max: 1_000_000, default: 1200 },
    'HTTP requests and socket upgrades of one address; more get 429.',
  ),
  number(
    'limits.socketsPerAddress',
    { unit: 'sockets', min: 1, max: 100_000, default: 200 },
    'Signalling sockets of one address at a time.',
  ),
  number(
    'limits.streamsPerToken',
    { unit: 'streams', min: 1, max: 10_000, default: 10 },
    'Event streams that one token may have open.',
  ),
  number(
    'limits.streamsPerAddress',
    { unit: 'streams', min: 1, max: 10_000, default: 50 },
    'Event streams that one address may have open.',
  ),
  number(
    'limits.joinSeconds',
    { unit: 'seconds', min: 1, max: 600, default: 10 },
    'A signalling socket that does not ask to join within this time is closed.',
  ),
  number(
    'limits.requestSeconds',
    { unit: 'seconds', min: 1, max: 3600, default: 30 },
    'An HTTP request that is not whole within this time is ended; its headers within a third of it.',
  ),
] as const;

export interface HttpConfig {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly tls: 'off' | 'self-signed';
  /** Origins of other pages that may use the server; `*` allows all. */
  readonly origins: readonly string[];
  /** Addresses and networks whose `X-Forwarded-For` and `X-Forwarded-Prefix` are believed. */
  readonly trustedProxies: readonly string[];
  /** Path below which clients see the server; empty, or without a slash at the end. */
  readonly pathPrefix: string;
  /** Of one address. */
  readonly requestsPerMinute: number;
  /** Event streams that are open. */
  readonly streamsPerToken: number;
  readonly streamsPerAddress: number;
  /** A request that is not whole within this time is ended. */
  readonly requestMs: number;
}

export interface SignallingConfig {
  readonly socketsPerAddress: number;
  /** A socket that does not ask to join within this time is closed. */
  readonly joinMs: number;
}

export function httpConfig(
  values: ValuesOf<typeof LISTEN_SETTINGS | typeof WEB_SETTINGS | typeof LIMIT_SETTINGS>,
  report: ReportFault,
): HttpConfig {
  const pathPrefix = values['web.prefix'].replace(/\/+$/, '');
  if (pathPrefix !== '' && !/^(\/[\w.~-]+)+$/.test(pathPrefix)) {
    report('web.prefix', `${pathPrefix} must be a path like /tessera`);
  }
  return {
    pathPrefix,
    host: values.host,
    port: values.port,
    tls: values.tls,
    origins: values['web.origins'],
    trustedProxies: values['web.trustProxy'],
    requestsPerMinute: values['limits.requestsPerMinute'],
    streamsPerToken: values['limits.streamsPerToken'],
    streamsPerAddress: values['limits.streamsPerAddress'],
    requestMs: values['limits.requestSeconds'] * 1000,
  };
}

export function signallingConfig(values: ValuesOf<typeof LIMIT_SETTINGS>): SignallingConfig {
  return {
    socketsPerAddress: values['limits.socketsPerAddress'],
    joinMs: values['limits.joinSeconds'] * 1000,
  };
}

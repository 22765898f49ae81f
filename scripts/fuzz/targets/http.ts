/** HTTP: every route of the API's description with bodies, headers, parameters and methods; WHIP and WHEP. */
import { type Route, routesOf, valueFor } from '../api-description.js';
import { checkAnswer, exchange } from '../http-client.js';
import { jsonText, mutateBytes, mutateJson, mutateLines, oddString } from '../mutate.js';
import type { Random } from '../random.js';
import { chromiumOffer, FRAGMENT } from '../seeds/offer.js';
import { type FuzzServer, WORKSHOP } from '../server.js';
import type { FuzzInput, OpenTarget, Target } from '../target.js';
import { mutatedOffer } from './text-modules.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE'];
const TYPES = [
  'application/json',
  'application/sdp',
  'application/trickle-ice-sdpfrag',
  'application/json; charset=utf-16',
  'text/plain',
  'image/png',
  'application/octet-stream',
  'multipart/form-data; boundary=x',
  'a',
  '',
];
const HEADERS = [
  ['if-match', '*'],
  ['if-match', '"a-1", W/"b"'],
  ['if-none-match', '*'],
  ['range', 'bytes=0-'],
  ['range', 'bytes=9-1,-5,x'],
  ['last-event-id', 'nothing'],
  ['x-request-id', 'a'.repeat(300)],
  ['x-forwarded-for', '1.2.3.4, evil'],
  ['x-forwarded-proto', 'https'],
  ['origin', 'https://evil.example'],
  ['origin', 'null'],
  ['accept', 'text/html;q=0.x'],
  ['accept-encoding', 'gzip, br'],
  ['content-encoding', 'gzip'],
  ['expect', '100-continue'],
  ['expect', 'a miracle'],
  ['upgrade', 'websocket'],
  ['upgrade', 'h2c'],
  ['transfer-encoding', 'chunked'],
  ['transfer-encoding', 'gzip, chunked'],
  ['content-length', '5'],
  ['content-length', '-1'],
  ['cookie', `a=${'b'.repeat(5000)}`],
  ['host', 'evil.example'],
  ['access-control-request-method', 'PUT'],
] as const;
const QUERIES = [
  'room=a&room=b',
  'access_token=a&access_token=b',
  'access_token=',
  'room[]=a',
  '__proto__=a',
  'name=%ff%fe',
  'rendition=best',
  `a=${'b'.repeat(3000)}`,
  '%',
  'room=%00',
];
const PATHS = [
  '/..%5c..%5cetc%5cpasswd',
  '/%5c',
  '/.%2e/%2e./x',
  '/%',
  '/%ff',
  '//evil.example/',
  '/v1/rooms/%2F',
  '/v1/rooms/a%00b',
  '/docs/json/../../x',
  '/assets/%2e%2e/%2e%2e/server/main.js',
  '*',
  'http://evil.example/v1/rooms',
];

function pathOf(random: Random, { path }: Route): string {
  if (random.chance(0.05)) return random.pick(PATHS);
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (random.chance(0.15)) return encodeURIComponent(wellFormed(oddString(random)));
    return name === 'room' ? WORKSHOP : random.pick(['a', 'logo', 'admit', 'x-1']);
  });
  const changed = random.chance(0.05) ? mutateLines(random, filled, '/') : filled;
  const safe = changed.replace(/[\s\0]/g, '') || '/';
  return random.chance(0.15) ? `${safe}?${random.pick(QUERIES)}` : safe;
}

/** Halves of surrogate pairs cannot be encoded in a URL. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

function bodyOf(random: Random, { body, method }: Route): Buffer {
  if (!body) {
    const isOdd = method !== 'GET' && random.chance(0.1);
    return isOdd ? jsonText(random, mutateJson(random, { a: 1 })) : Buffer.alloc(0);
  }
  if (body.type === 'application/sdp') return mutatedOffer(random, chromiumOffer());
  if (body.type.includes('sdpfrag')) return mutatedOffer(random, FRAGMENT);
  const value = valueFor(random, body.schema);
  return jsonText(random, random.chance(0.7) ? mutateJson(random, value) : value);
}

/** Stands for the token of the run, so that a saved input can be sent to another server. */
const TOKEN = '{token}';

export function withToken(bytes: Buffer, token: string): Buffer {
  const at = bytes.indexOf(TOKEN);
  if (at < 0) return bytes;
  const rest = bytes.subarray(at + TOKEN.length);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(token), rest]);
}

/** A whole request: structured, with odd headers, or changed by bytes. */
function requestOf(random: Random, routes: readonly Route[]): FuzzInput {
  const route = random.pick(routes);
  const method = random.chance(0.93) ? route.method : random.pick(METHODS);
  const body = bodyOf(random, route);
  const type = random.chance(0.92) ? (route.body?.type ?? '') : random.pick(TYPES);
  const outside = random.chance(0.1);
  const given = random.chance(0.05)
    ? mutateBytes(random, Buffer.from(TOKEN)).toString('latin1')
    : TOKEN;
  const headers: (readonly [string, string])[] = [
    ['host', 'localhost'],
    ['connection', 'close'],
    ...(outside ? [] : [['authorization', `Bearer ${given}`] as const]),
    ...(type === '' ? [] : [['content-type', type] as const]),
    ...(body.length > 0 ? [['content-length', String(body.length)] as const] : []),
    ...(random.chance(0.25) ? [random.pick(HEADERS)] : []),
    ...(random.chance(0.03) ? [['x-odd', oddString(random)] as const] : []),
  ];
  const head = [
    `${method} ${pathOf(random, route)} HTTP/1.1`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    '',
    '',
  ].join('\r\n');
  const bytes = Buffer.concat([Buffer.from(head), body]);
  const isChanged = random.chance(0.07);
  return {
    how: outside ? 'without a token' : 'with a token',
    bytes: isChanged ? mutateBytes(random, bytes) : bytes,
  };
}

/** Sessions that WHIP and WHEP opened are ended, because a room takes 100 participants. */
async function endSession(server: FuzzServer, location: string | undefined): Promise<void> {
  if (location === undefined) return;
  const { pathname } = new URL(location);
  await fetch(`${server.server.url}${pathname}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${server.adminToken}` },
  });
}

function httpTarget(name: string, batch: number, takes: (route: Route) => boolean): Target {
  return {
    name,
    from: 'peer',
    batch,
    parallel: 8,
    open: async (server): Promise<OpenTarget> => {
      const routes = routesOf(await server.openApi()).filter(takes);
      const seen = { count: 0 };
      return {
        next: (random) => requestOf(random, routes),
        send: async (input) => {
          // Rooms are ended by some of the requests.
          if (seen.count++ % 200 === 0) await server.openWorkshop();
          const answer = await exchange(
            server.hostAndPort,
            withToken(input.bytes, server.adminToken),
          );
          checkAnswer(answer, input);
          if (answer?.status === 201) await endSession(server, sessionOf(answer.headers));
        },
      };
    },
  };
}

function sessionOf(headers: ReadonlyMap<string, string>): string | undefined {
  const location = headers.get('location');
  return location && /\/(whip|whep)\//.test(location) ? location : undefined;
}

const isWhip = ({ path }: Route) => /^\/(whip|whep)\//.test(path);

export const HTTP: readonly Target[] = [
  httpTarget('http', 1000, (route) => !isWhip(route)),
  httpTarget('whip', 300, isWhip),
];

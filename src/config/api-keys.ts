/** API keys: reading and making them, and when a server may listen with them. */
import { randomBytes } from 'node:crypto';
import { TesseraError } from '../errors.js';
import { isLoopback } from '../util/loopback.js';
import type { ReportFault } from './setting.js';

/** A key and its secret, as in LiveKit: the secret signs tokens, the key is their `iss`. */
export interface ApiKey {
  readonly id: string;
  readonly secret: string;
}

/** HS256 needs a key at least as long as its hash (RFC 7518, 3.2). */
const MIN_SECRET_BYTES = 32;
/** A random secret has more different characters than this; a typed one often has not. */
const MIN_DISTINCT = 10;
/** From documentation and other projects' examples. */
const SAMPLES = /devkey|change.?me|replace|example|sample|secret|password|your.?key/i;

/** Reads `key:secret` pairs; reports those that cannot be read and keys that appear twice. */
export function parseApiKeys(pairs: readonly string[], report: ReportFault): ApiKey[] {
  const keys: ApiKey[] = [];
  for (const pair of pairs) {
    const at = pair.indexOf(':');
    const id = pair.slice(0, at).trim();
    const secret = pair.slice(at + 1).trim();
    if (at < 1 || secret === '' || !/^[\w.-]{1,64}$/.test(id)) {
      report('auth.keys', 'must be key:secret pairs, comma separated', howToMakeOne());
    } else if (keys.some((key) => key.id === id)) {
      report('auth.keys', `the key ${id} is there twice`, 'Remove one of the two.');
    } else keys.push({ id, secret });
  }
  return keys;
}

/** A new key with a random secret. */
export function makeKey(id = `API${randomBytes(6).toString('hex')}`): ApiKey {
  return { id, secret: randomBytes(32).toString('base64url') };
}

function howToMakeOne(): string {
  const { id, secret } = makeKey();
  return `Set TESSERA_AUTH_KEYS=${id}:${secret} (a new key; \`tessera key\` makes more).`;
}

function weaknessOf({ id, secret }: ApiKey): string | undefined {
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
    return `the secret of ${id} has fewer than ${MIN_SECRET_BYTES} bytes`;
  }
  const isSample = SAMPLES.test(id) || SAMPLES.test(secret) || new Set(secret).size < MIN_DISTINCT;
  return isSample ? `${id} is a sample, not a secret` : undefined;
}

/** How a server is reached, as far as it decides which keys it needs. */
export interface Exposure {
  readonly host: string;
  readonly origins: readonly string[];
  readonly trustedProxies: readonly string[];
}

/** What lets others than this machine's own people reach a server; undefined if nothing does. */
function exposureOf({ host, origins, trustedProxies }: Exposure): string | undefined {
  if (!isLoopback(host)) return `host is ${host}`;
  if (trustedProxies.length > 0) return 'web.trustProxy is set';
  return origins.includes('*') ? 'web.origins is *' : undefined;
}

/**
 * Keys must be strong on every address: a proxy on this machine makes loopback public. A server without
 * keys lets everybody do everything, so nobody else may reach it.
 * @throws TesseraError `bad_config`.
 */
export function checkExposure(reached: Exposure, keys: readonly ApiKey[]): void {
  const exposure = exposureOf(reached);
  const missing =
    keys.length === 0 && exposure ? `there is no API key, and ${exposure}` : undefined;
  const weakness = missing ?? keys.map(weaknessOf).find((found) => found);
  if (weakness === undefined) return;
  throw new TesseraError(
    'bad_config',
    `not listening on ${reached.host}: ${weakness} (auth.keys)`,
    {
      next: howToMakeOne(),
    },
  );
}

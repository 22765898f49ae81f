/** API keys from the settings, and the rule which of them a server may be reached with. */
import { randomBytes } from 'node:crypto';
import { TesseraError } from '../errors.js';
import { listOf, type Settings, textOf } from './load.js';

/** A key and its secret, as in LiveKit: the key is the `iss` of tokens that the secret signs. */
export interface ApiKey {
  readonly id: string;
  readonly secret: string;
}

/** HS256 asks for a key at least as long as its hash (RFC 7518, 3.2). */
const MIN_SECRET_BYTES = 32;
/** Fewer different characters than this were typed, not drawn. */
const MIN_DISTINCT = 10;
/** From documentation and other projects' examples. */
const SAMPLES = /devkey|change.?me|replace|example|sample|secret|password|your.?key/i;

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** @throws TesseraError `bad_config` for what is no `key:secret`. */
export function apiKeys(settings: Settings): ApiKey[] {
  const keys = listOf(settings, 'auth.keys').map((pair) => {
    const at = pair.indexOf(':');
    const id = pair.slice(0, at).trim();
    const secret = pair.slice(at + 1).trim();
    if (at < 1 || secret === '' || !/^[\w.-]{1,64}$/.test(id)) {
      throw new TesseraError('bad_config', 'auth.keys: must be key:secret, comma separated', {
        next: howToMakeOne(),
      });
    }
    return { id, secret };
  });
  const twice = keys.find(({ id }, index) => keys.findIndex((key) => key.id === id) !== index);
  if (twice) throw new TesseraError('bad_config', `auth.keys: ${twice.id} is there twice`);
  return keys;
}

/** A key that passes the rule. */
export function makeKey(id = `API${randomBytes(6).toString('hex')}`): ApiKey {
  return { id, secret: randomBytes(32).toString('base64url') };
}

function howToMakeOne(): string {
  const { id, secret } = makeKey();
  return `Set TESSERA_AUTH_KEYS=${id}:${secret} (made for you just now; \`tessera key\` makes another).`;
}

function faultOf({ id, secret }: ApiKey): string | undefined {
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
    return `the secret of ${id} has fewer than ${MIN_SECRET_BYTES} bytes`;
  }
  const sample = SAMPLES.test(id) || SAMPLES.test(secret);
  if (sample || new Set(secret).size < MIN_DISTINCT) return `${id} is a sample, not a secret`;
  return undefined;
}

/**
 * Without keys everybody may do everything: only a server that nobody else reaches may be like that.
 * @throws TesseraError `bad_config` on any address but loopback without good keys.
 */
export function checkExposure(settings: Settings, keys: readonly ApiKey[]): void {
  const host = textOf(settings, 'host');
  if (isLoopback(host)) return;
  const fault = keys.length === 0 ? 'there is no API key' : keys.map(faultOf).find((text) => text);
  if (fault === undefined) return;
  throw new TesseraError('bad_config', `not listening on ${host}: ${fault} (auth.keys)`, {
    next: howToMakeOne(),
  });
}

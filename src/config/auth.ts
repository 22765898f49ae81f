/** Settings of access: API keys and the tokens that they sign. */
import { type ApiKey, parseApiKeys } from './api-keys.js';
import { list, number, type ReportFault, type ValuesOf } from './setting.js';

export const AUTH_SETTINGS = [
  list(
    'auth.keys',
    [],
    'API keys and their secrets, `key:secret`, comma separated. Tokens are signed with the first; more are for rotation. Needed on any address but loopback, and with `web.trustProxy` or `web.origins: *`. Secrets have 32 bytes or more, on every address.',
    { secret: true, pairs: true },
  ),
  number(
    'auth.tokenSeconds',
    { unit: 'seconds', min: 30, max: 31_536_000, default: 21_600 },
    'Lifetime of tokens made by the server and by `tessera token`, if the request names none.',
  ),
  number(
    'auth.maxMintedSeconds',
    { unit: 'seconds', min: 30, max: 31_536_000, default: 86_400 },
    'Longest life of a token made over the API. It never ends later than the token it is made with.',
  ),
  number(
    'auth.renewSeconds',
    { unit: 'seconds', min: 0, max: 604_800, default: 43_200 },
    'How long after the end of a token its holder may stay in a call: the token is renewed meanwhile.',
  ),
  number(
    'auth.clockSkewSeconds',
    { unit: 'seconds', min: 0, max: 300, default: 30 },
    'How far the clock of the machine that signs tokens may be off.',
  ),
] as const;

export interface AuthConfig {
  /** Empty: everybody may do everything. Tokens are signed with the first. */
  readonly keys: readonly ApiKey[];
  /** Lifetime of tokens if the request names none. */
  readonly tokenSeconds: number;
  readonly clockSkewSeconds: number;
  /** Longest life of tokens made over the API. */
  readonly maxMintedSeconds: number;
  /** How long after its end a token is renewed while its holder is in a call. */
  readonly renewSeconds: number;
}

export function authConfig(
  values: ValuesOf<typeof AUTH_SETTINGS>,
  report: ReportFault,
): AuthConfig {
  return {
    keys: parseApiKeys(values['auth.keys'], report),
    tokenSeconds: values['auth.tokenSeconds'],
    maxMintedSeconds: values['auth.maxMintedSeconds'],
    renewSeconds: values['auth.renewSeconds'],
    clockSkewSeconds: values['auth.clockSkewSeconds'],
  };
}

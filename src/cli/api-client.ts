/** A running server's API, as the commands use it. */
import type { Command } from 'commander';
import { signToken } from '../api/access-token.js';
import type { ApiKey } from '../config/api-keys.js';
import { TesseraError } from '../errors.js';
import { ERROR_CODES, type ErrorCode } from '../protocol/error-codes.js';
import { type CliContext, configOf, withSettings } from './context.js';

/** Lifetime of the tokens that commands make for themselves. */
const TOKEN_SECONDS = 300;

/** Adds `--url` and the settings, whose keys and port are used. */
export function withServer(command: Command): Command {
  command.option(
    '-u, --url <url>',
    'address of the server (default: TESSERA_URL, or this machine)',
  );
  return withSettings(command);
}

export class ApiClient {
  private constructor(
    readonly url: string,
    /** The configured key; undefined if there is none. */
    readonly key: ApiKey | undefined,
    /** Undefined for a server without keys. */
    readonly token: string | undefined,
  ) {}

  static async from(command: Command, context: CliContext): Promise<ApiClient> {
    const { auth, http } = configOf(command, context).config;
    const { url } = command.opts<{ url?: string }>();
    const scheme = http.tls === 'off' ? 'http' : 'https';
    const own = `${scheme}://localhost:${http.port}`;
    const [key] = auth.keys;
    const video = { roomCreate: true, roomList: true, roomAdmin: true };
    const token = key ? await signToken(key, { video, seconds: TOKEN_SECONDS }) : undefined;
    return new ApiClient(
      (url ?? context.environment.TESSERA_URL ?? own).replace(/\/$/, ''),
      key,
      token,
    );
  }

  /** @throws TesseraError of the server's code, or `unreachable`. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    let response: Response;
    try {
      response = await fetch(`${this.url}/v1${path}`, {
        method,
        headers: {
          ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      throw new TesseraError('unreachable', `no server answers at ${this.url}`, {
        cause,
        next: 'Give its address with --url; for a self-signed certificate set NODE_EXTRA_CA_CERTS.',
      });
    }
    const text = await response.text();
    if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
    throw errorFrom(text, response.status);
  }
}

function errorFrom(text: string, status: number): TesseraError {
  try {
    const { code, detail, next } = JSON.parse(text) as Record<string, string>;
    const known = code !== undefined && code in ERROR_CODES ? (code as ErrorCode) : 'internal';
    return new TesseraError(
      known,
      detail ?? `status ${status}`,
      next === undefined ? {} : { next },
    );
  } catch (cause) {
    return new TesseraError('unreachable', `the server there is not Tessera (status ${status})`, {
      cause,
    });
  }
}

import type { TestServer } from './server.js';

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined if there was none. */
  readonly body: any;
}

export interface ApiRequest {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Calls the API of a server under test. */
export async function callApi(
  server: TestServer,
  method: string,
  path: string,
  { token, body, headers = {} }: ApiRequest = {},
): Promise<ApiAnswer> {
  const response = await fetch(`${server.url}/v1${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** Who may do what, and until when, on a running server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestServer } from '../support/server.js';

describe('a server without keys', () => {
  let open: TestServer;
  beforeAll(async () => {
    open = await TestServer.start();
  });
  afterAll(() => open?.close());

  test('serves nothing that a proxy forwarded', async () => {
    const paths = [
      '/',
      '/v1/rooms',
      '/whip/a',
      '/whep/a/session',
      '/signal',
      '/stats',
      '/docs/json',
    ];
    for (const path of paths) {
      for (const [name, value] of [
        ['forwarded', 'for=192.0.2.1'],
        ['x-forwarded-for', '192.0.2.1'],
        ['x-forwarded-host', 'public.example'],
        ['x-real-ip', '192.0.2.1'],
        ['via', '1.1 proxy'],
      ] as const) {
        const answer = await fetch(open.url + path, { headers: { [name]: value } });
        const { code } = (await answer.json()) as { code: string };
        expect([path, name, answer.status, code]).toEqual([path, name, 403, 'origin_refused']);
      }
    }
    expect((await fetch(`${open.url}/v1/rooms`)).status).toBe(200);
  });

  test('does not start where others reach it', async () => {
    for (const environment of [
      { TESSERA_HOST: '0.0.0.0' },
      { TESSERA_WEB_ORIGINS: '*' },
      { TESSERA_WEB_TRUST_PROXY: '127.0.0.1' },
    ] as const) {
      await expect(TestServer.start(environment)).rejects.toThrow(/there is no API key/);
    }
  });
});

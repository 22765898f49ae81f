/** Requests that came through a proxy, to a server without keys: everybody behind the proxy would be its master. */
import type { FastifyInstance } from 'fastify';
import { TesseraError } from '../errors.js';

const FORWARDING = /^(forwarded|via|x-real-ip|x-forwarded-.+)$/;

/** Refuses requests with a header that proxies add. Applies to every route, sockets included. */
export function refuseForwarded(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ headers }) => {
    if (!Object.keys(headers).some((name) => FORWARDING.test(name))) return;
    throw new TesseraError('origin_refused', 'without API keys nothing is served through a proxy', {
      next: 'Set TESSERA_AUTH_KEYS (`tessera key` makes one).',
    });
  });
}

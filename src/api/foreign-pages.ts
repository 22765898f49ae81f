import type { FastifyInstance } from 'fastify';
import { TesseraError } from '../errors.js';
import { isOriginAllowed } from '../util/origin.js';

/** Refuses requests that change something and come from a page of an origin that is not allowed. */
export function refuseForeignPages(app: FastifyInstance, origins: readonly string[]): void {
  app.addHook('onRequest', async ({ method, host, headers: { origin } }) => {
    const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
    if (reads || isOriginAllowed(origin, host, origins)) return;
    throw new TesseraError('origin_refused', `a page of ${origin} may change nothing here`, {
      next: 'Add its origin to TESSERA_WEB_ORIGINS.',
    });
  });
}

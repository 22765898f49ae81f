/**
 * The path below which clients see the server, when a reverse proxy serves it beside other things: from the
 * setting, or from a trusted proxy's `X-Forwarded-Prefix`. Whether the proxy removes it or not is the same.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** One or more path segments without a slash at the end. */
export const PATH_PREFIX = /^(\/[\w.~-]+)+$/;

/** Takes the prefix off the URLs of requests. @param prefix empty: there is none. */
export function withoutPrefix(prefix: string): (request: IncomingMessage) => string {
  return ({ url = '/' }) => {
    const rest = prefix !== '' && url.startsWith(prefix) ? url.slice(prefix.length) : undefined;
    if (rest === undefined) return url;
    if (rest === '' || rest.startsWith('?')) return `/${rest}`;
    return rest.startsWith('/') ? rest : url;
  };
}

/** Puts the prefix into what the server says about its own addresses. Requires `trustProxy` for the header. */
export function addPathPrefix(app: FastifyInstance, configured: string): void {
  app.decorateRequest('pathPrefix', '');
  app.addHook('onRequest', async (request, reply) => {
    request.pathPrefix = forwardedPrefix(request) ?? configured;
    const [path, query] = request.originalUrl.split('?');
    // Relative links of the page need the slash at the end.
    if (configured === '' || path !== configured) return undefined;
    return reply.redirect(`${configured}/${query === undefined ? '' : `?${query}`}`, 308);
  });
  app.addHook('onSend', async ({ pathPrefix }, reply) => {
    const location = reply.getHeader('location');
    if (typeof location !== 'string' || !location.startsWith('/')) return;
    if (!location.startsWith(`${pathPrefix}/`)) reply.header('location', pathPrefix + location);
  });
}

/** Only a trusted proxy's is believed: it says on whose behalf it asks. */
function forwardedPrefix({ headers, ips = [] }: FastifyRequest): string | undefined {
  const given = headers['x-forwarded-prefix'];
  if (typeof given !== 'string' || ips.length < 2) return undefined;
  const prefix = given.replace(/\/+$/, '');
  return prefix === '' || PATH_PREFIX.test(prefix) ? prefix : undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The path below which the client sees the server; empty, or without a slash at the end. */
    pathPrefix: string;
  }
}

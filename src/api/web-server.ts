import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import Fastify, { type FastifyInstance } from 'fastify';
import { ERROR_CODES, TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Readiness } from '../rooms/room-manager.js';

const CLIENT_DIR = fileURLToPath(new URL('../../client', import.meta.url));

export interface WebServerOptions {
  /** PEM certificate and key; undefined serves plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly logger: Logger;
  /** Whether new rooms can be opened. */
  readiness(): Readiness;
  /** Counters of the whole server, for `/stats`. */
  stats(): Record<string, unknown>;
}

/** The client's own id if it is one that fits into a log line, or a new one. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

/** The client's files are public: pages of any origin may import the SDK. */
function allowEveryPage(response: { setHeader(name: string, value: string): void }): void {
  response.setHeader('access-control-allow-origin', '*');
}

/** The HTTP side: the client's files, health and counters. Signalling registers itself on it. */
export async function createWebServer(options: WebServerOptions): Promise<FastifyInstance> {
  const base = {
    bodyLimit: 64 * 1024,
    requestTimeout: 10_000,
    forceCloseConnections: true,
    genReqId: requestId,
  } as const;
  const app = (options.tls
    ? Fastify({ ...base, https: { ...options.tls } })
    : Fastify(base)) as unknown as FastifyInstance;
  app.setErrorHandler((cause, _request, reply) => {
    const status = (cause as { statusCode?: number }).statusCode;
    const error = TesseraError.from(cause);
    if (error.code === 'internal' && (status ?? 500) >= 500) {
      options.logger.error({ error: cause }, 'request failed');
    }
    const code = error.code === 'internal' && status ? status : ERROR_CODES[error.code].status;
    return reply
      .code(code)
      .type('application/problem+json')
      .send({ type: 'about:blank', title: error.message, status: code, code: error.code });
  });
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_request, reply) => {
    const status = options.readiness();
    return reply.code(status === 'ready' ? 200 : 503).send({ status });
  });
  // Names and counters of everybody: for whoever is on the machine, until there are tokens.
  app.get('/stats', (request, reply) => {
    if (/^(127\.|::1$|::ffff:127\.)/.test(request.ip)) return options.stats();
    return reply.code(403).send({ status: 403, title: 'only from this machine' });
  });
  if (existsSync(CLIENT_DIR)) {
    await app.register(fastifyStatic, { root: CLIENT_DIR, setHeaders: allowEveryPage });
  }
  return app;
}

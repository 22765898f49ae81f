/** The HTTP side: the client's files, the API with its description, health and counters. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import fastifyStatic from '@fastify/static';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import { type CaptureDependencies, captureRoutes } from './capture-routes.js';
import { refuseForeignPages } from './foreign-pages.js';
import { refuseForwarded } from './forwarded.js';
import { type ImageDependencies, imageRoutes } from './image-routes.js';
import { takeShallowJson } from './json-body.js';
import { hlsRoutes, type OutputDependencies, outputRoutes } from './output-routes.js';
import { participantRoutes } from './participant-routes.js';
import { addPathPrefix, withoutPrefix } from './path-prefix.js';
import { answerUnreadable, answerUnroutable, answerWithProblems, schemaError } from './problem.js';
import { type RecordingDependencies, recordingRoutes } from './recording-routes.js';
import { roomRoutes } from './room-routes.js';
import { type ServerDependencies, serverRoutes } from './server-routes.js';

const CLIENT_DIR = fileURLToPath(new URL('../../client', import.meta.url));
const MAX_HEADER_BYTES = 16 * 1024;
/** Connections are looked at that often, at most: one that takes too long ends so much later. */
const CHECK_MS = 5000;

export interface WebServerOptions
  extends ServerDependencies,
    ImageDependencies,
    RecordingDependencies,
    OutputDependencies,
    CaptureDependencies {
  /** PEM certificate and key; undefined serves plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly logger: Logger;
  /** Of pages besides the server's own that may use the API; `*` is all. */
  readonly origins: readonly string[];
  /** Whose `X-Forwarded-For` and `X-Forwarded-Prefix` are believed. */
  readonly trustedProxies: readonly string[];
  /** Path below which clients see the server; empty, or without a slash at the end. */
  readonly pathPrefix: string;
  /** Of one address. */
  readonly requestsPerMinute: number;
  /** A request that is not whole within this time is ended; its headers within a third of it. */
  readonly requestMs: number;
  /** For Prometheus. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Counters of the whole server as JSON, for `/stats`. */
  stats(): Promise<string>;
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

/** A client that is gone already has no address, which limits need. Nobody reads the answer. */
async function refuseGone({ raw }: FastifyRequest): Promise<void> {
  if (raw.socket.remoteAddress !== undefined) return;
  throw new TesseraError('bad_request', 'the client is gone');
}

/** HTTP/1.1 requires the header (RFC 9112, 3.2). */
async function requireHost({ raw }: FastifyRequest): Promise<void> {
  if (raw.headers.host !== undefined || raw.httpVersion !== '1.1') return;
  throw new TesseraError('bad_request', 'the header Host is missing');
}

/** Signalling, WHIP and WHEP register themselves on it. */
export async function createWebServer(options: WebServerOptions): Promise<FastifyInstance> {
  const { tls, logger, trustedProxies, pathPrefix, requestMs } = options;
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    // Node's own refusal would have no code.
    requireHostHeader: false,
    requestTimeout: requestMs,
    headersTimeout: Math.ceil(requestMs / 3),
    connectionsCheckingInterval: Math.ceil(Math.min(CHECK_MS, requestMs / 3)),
  };
  const base = {
    bodyLimit: 64 * 1024,
    requestTimeout: requestMs,
    forceCloseConnections: true,
    genReqId: requestId,
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerUnreadable,
    schemaErrorFormatter: schemaError,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    rewriteUrl: withoutPrefix(pathPrefix),
    // What is not as described is refused, not mended.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: true } },
  } as const;
  const app = (tls
    ? Fastify({ ...base, https: { ...tls, ...limits, handshakeTimeout: requestMs } })
    : Fastify({ ...base, http: limits })) as unknown as FastifyInstance;
  app.removeContentTypeParser('text/plain');
  takeShallowJson(app);
  // An expectation that we do not know changes nothing (RFC 9110, 10.1.1).
  app.server.on('checkExpectation', (request, response) => {
    app.server.emit('request', request, response);
  });
  app.addHook('onRequest', refuseGone);
  app.addHook('onRequest', requireHost);
  if (options.access.open) refuseForwarded(app);
  answerWithProblems(app, logger);
  addPathPrefix(app, pathPrefix);
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
  });
  await app.register(rateLimit, {
    max: options.requestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { after }) =>
      new TesseraError('too_many_requests', 'too many requests from your address', {
        next: `Try again in ${after}.`,
      }),
  });
  const unlimited = { config: { rateLimit: false } };
  app.get('/healthz', unlimited, () => ({ status: 'ok' }));
  app.get('/readyz', unlimited, (_request, reply) => {
    const status = options.rooms.readiness;
    return reply.code(status === 'ready' ? 200 : 503).send({ status });
  });
  app.get(
    '/metrics',
    { onRequest: (request) => options.access.require(request, { kind: 'list' }) },
    async (_request, reply) =>
      reply.type(options.metrics.contentType).send(await options.metrics.text()),
  );
  app.get(
    '/stats',
    { onRequest: (request) => options.access.require(request, { kind: 'list' }) },
    async (_request, reply) => reply.type('application/json').send(await options.stats()),
  );
  await app.register(
    fastifyStatic,
    existsSync(CLIENT_DIR)
      ? { root: CLIENT_DIR, setHeaders: allowEveryPage }
      : { root: tmpdir(), serve: false },
  );
  await registerApi(app, options);
  return app;
}

async function registerApi(app: FastifyInstance, options: WebServerOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      info: {
        title: 'Tessera',
        version: options.version,
        description: 'Rooms and who is in them. Errors are problem details (RFC 9457).',
      },
      components: {
        securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      },
      security: [{ token: [] }],
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  await app.register(
    async (api) => {
      await api.register(cors, {
        origin: options.origins.includes('*') ? '*' : [...options.origins],
        methods: ['GET', 'POST', 'PATCH', 'DELETE'],
        exposedHeaders: ['etag', 'location', 'x-request-id'],
        // Others would be answered without a code.
        strictPreflight: false,
      });
      refuseForeignPages(api, options.origins);
      await api.register(roomRoutes, options);
      await api.register(participantRoutes, options);
      await api.register(imageRoutes, options);
      await api.register(recordingRoutes, options);
      await api.register(outputRoutes, options);
      await api.register(captureRoutes, options);
      await api.register(serverRoutes, options);
    },
    { prefix: '/v1' },
  );
  await app.register(hlsRoutes, options);
}

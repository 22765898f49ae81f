/**
 * WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): an HTTP request makes an encoder a participant, or
 * a player a viewer of the composite.
 */
import cors from '@fastify/cors';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refuseForeignPages } from '../api/foreign-pages.js';
import { PROBLEMS } from '../api/problem.js';
import { TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import { MAX_SDP_BYTES } from '../peer/sdp-offer.js';
import type { IceServer } from '../protocol/ice-server.js';
import type { Caller } from '../rooms/caller.js';
import type { Grant } from '../rooms/grant.js';
import { cleanName, cleanRoomId } from '../rooms/names.js';
import type { RoomRegistry } from '../rooms/registry.js';
import { reachedAt } from '../util/reached-at.js';
import { HttpSession, sessionNotFound } from './whip-session.js';

export interface WhipDependencies {
  readonly rooms: Pick<RoomRegistry, 'open'>;
  readonly access: {
    /** @throws TesseraError if they may not connect. */
    callerOf(request: FastifyRequest): Promise<Caller>;
  };
  iceServers(user: string): IceServer[];
  readonly logger: Logger;
  /** Origins of foreign pages that are allowed; `*` allows all. */
  readonly origins: readonly string[];
}

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const RETRY_SECONDS = 5;
const METHODS = ['POST', 'PATCH', 'DELETE', 'OPTIONS'] as const;
/** Methods that neither endpoints nor sessions have (RFC 9725, 4.2). */
const REFUSED = ['GET', 'HEAD', 'PUT'] as const;

const InRoom = Type.Object({ room: Type.String({ minLength: 1, maxLength: 64 }) });
const OneSession = Type.Object({
  room: Type.String({ minLength: 1, maxLength: 64 }),
  session: Type.String({ maxLength: 64 }),
});
const Query = Type.Object({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  access_token: Type.Optional(Type.String({ maxLength: 8192 })),
  rendition: Type.Optional(
    Type.String({
      maxLength: 32,
      description: 'no better one than this: `640x360@30`, `lifeline`, `audio`; WHEP',
    }),
  ),
});

/** `Link` headers of ICE servers (RFC 9725, 4.6). */
function linksOf(servers: readonly IceServer[]): string[] {
  const quoted = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`;
  return servers.flatMap(({ urls, username, credential }) =>
    urls.map((url) => {
      const login =
        username === undefined || credential === undefined
          ? ''
          : `; username=${quoted(username)}; credential=${quoted(credential)}; credential-type="password"`;
      return `<${url}>; rel="ice-server"${login}`;
    }),
  );
}

/** @throws TesseraError `not_acceptable`. */
function checkAccept({ headers }: FastifyRequest, type: string): void {
  const ranges = (headers.accept ?? '*/*')
    .split(',')
    .map((range) => range.split(';')[0]?.trim().toLowerCase());
  if (ranges.some((range) => range === type || range === '*/*' || range === 'application/*'))
    return;
  throw new TesseraError('not_acceptable', `the answer is ${type}`, {
    next: `Send no Accept header, or one with ${type}.`,
  });
}

/** @throws TesseraError `unsupported_type`. */
function checkType({ headers }: FastifyRequest, type: string): void {
  if (headers['content-type']?.split(';')[0]?.trim().toLowerCase() === type) return;
  throw new TesseraError('unsupported_type', `the content type must be ${type}`);
}

/** @throws TesseraError `forbidden`. */
function checkGrant(grant: Grant, kind: 'whip' | 'whep', room: string): void {
  const fits = grant.room === undefined || grant.room === room;
  const publishes = grant.role !== 'viewer' && grant.sources.size > 0;
  if (fits && (kind === 'whip' ? publishes : grant.canSubscribe)) return;
  throw new TesseraError(
    'forbidden',
    fits
      ? `the token does not allow to ${kind === 'whip' ? 'send' : 'receive'}`
      : 'the token is for another room',
  );
}

/** Adds WHIP and WHEP to the web server. */
export async function registerWhip(
  app: FastifyInstance,
  dependencies: WhipDependencies,
): Promise<void> {
  await app.register(async (http) => {
    refuseForeignPages(http, dependencies.origins);
    await http.register(whipRoutes, dependencies);
  });
}

const whipRoutes: FastifyPluginAsyncTypebox<WhipDependencies> = async (app, options) => {
  const { rooms, access, iceServers, logger, origins } = options;
  const sessions = new Map<string, HttpSession>();

  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: [...METHODS],
    exposedHeaders: ['accept-post', 'accept-patch', 'etag', 'link', 'location', 'x-request-id'],
    strictPreflight: false,
    preflight: false,
  });
  for (const type of [SDP, FRAGMENT]) {
    app.addContentTypeParser(
      type,
      { parseAs: 'string', bodyLimit: MAX_SDP_BYTES },
      (_, body, done) => done(null, body),
    );
  }
  app.removeContentTypeParser('application/json');
  // All errors with status 503 are temporary.
  app.addHook('onSend', async (_request, reply) => {
    if (reply.statusCode !== 503 || reply.hasHeader('retry-after')) return;
    reply.header('retry-after', String(RETRY_SECONDS));
  });

  const callerOf = async (request: FastifyRequest) => {
    const caller = await access.callerOf(request);
    if (caller.expired) {
      throw new TesseraError('token_expired', 'the token has expired', { next: 'Get a new one.' });
    }
    return caller;
  };
  /** Nobody can guess the URL of a session: who knows it may end it, and needs no token (RFC 9725, 4.9). */
  const find = (request: FastifyRequest, kind: 'whip' | 'whep') => {
    const { room, session: id } = request.params as { room: string; session: string };
    const session = sessions.get(id);
    if (session?.kind !== kind || session.roomId !== cleanRoomId(room)) throw sessionNotFound();
    return session;
  };
  const preflight = (reply: FastifyReply, accepts: Record<string, string>) =>
    reply
      .headers({
        ...accepts,
        'access-control-allow-methods': METHODS.join(', '),
        'access-control-allow-headers': 'authorization, content-type, if-match',
        'access-control-max-age': '600',
      })
      .code(204)
      .send();
  const refuse = (allow: string) => async (_request: FastifyRequest, reply: FastifyReply) => {
    reply.header('allow', allow);
    throw new TesseraError('method_not_allowed', 'this method is not supported here', {
      next: `Use ${allow}.`,
    });
  };

  for (const kind of ['whip', 'whep'] as const) {
    const tags = [kind];
    app.post(
      `/${kind}/:room`,
      {
        schema: {
          tags,
          summary: kind === 'whip' ? 'Send to a room (RFC 9725)' : "Receive a room's composite",
          description: 'Takes an SDP offer, answers with an SDP answer.',
          consumes: [SDP],
          params: InRoom,
          querystring: Query,
          response: { 201: Type.String(), ...PROBLEMS },
        },
      },
      async (request, reply) => {
        checkType(request, SDP);
        checkAccept(request, SDP);
        const { grant } = await callerOf(request);
        const { name = grant.name ?? kind.toUpperCase(), rendition } = request.query;
        const id = cleanRoomId(request.params.room);
        checkGrant(grant, kind, id);
        const room = await rooms.open(id);
        const session = new HttpSession({
          room,
          kind,
          name: cleanName(grant.name ?? name),
          // Players share tokens: the next one does not take the place of the one before.
          grant: kind === 'whep' ? { ...grant, identity: undefined } : grant,
          limits: { rendition },
          logger,
          onEnded: ({ id }) => sessions.delete(id),
        });
        sessions.set(session.id, session);
        const answer = await session.start(String(request.body ?? ''), reachedAt(request));
        return reply
          .code(201)
          .headers({
            // Relative to the request's own URL: right behind every proxy, whatever prefix it adds.
            location: `${encodeURIComponent(id)}/${session.id}`,
            etag: session.etag,
            'accept-patch': FRAGMENT,
          })
          .header('link', linksOf(iceServers(session.id)))
          .type(SDP)
          .send(answer);
      },
    );

    app.patch(
      `/${kind}/:room/:session`,
      {
        schema: {
          tags,
          summary: 'Candidates, or a restart of ICE',
          description:
            'Candidates with the ETag in `If-Match`; new credentials with `If-Match: *` restart ICE.',
          consumes: [FRAGMENT],
          params: OneSession,
          response: { 200: Type.String(), 204: Type.Null(), ...PROBLEMS },
        },
      },
      async (request, reply) => {
        checkType(request, FRAGMENT);
        const session = find(request, kind);
        const fragment = String(request.body ?? '');
        const match = request.headers['if-match'];
        const restarts = session.restarts(fragment);
        if (match === undefined) {
          throw new TesseraError('precondition_required', 'If-Match is missing', {
            next: 'Send the ETag with candidates, `*` to restart ICE.',
          });
        }
        if (restarts ? match !== '*' : match !== '*' && match !== session.etag) {
          throw new TesseraError('version_mismatch', 'the ETag is not that of the ICE session', {
            next: 'Send candidates of the latest ICE session; restart with `If-Match: *`.',
          });
        }
        if (!restarts) {
          session.trickle(fragment);
          return reply.code(204).send(null);
        }
        const answer = await session.restart(fragment);
        return reply.code(200).header('etag', session.etag).type(FRAGMENT).send(answer);
      },
    );

    app.delete(
      `/${kind}/:room/:session`,
      {
        schema: {
          tags,
          summary: 'End a session',
          params: OneSession,
          response: { 200: Type.Null(), ...PROBLEMS },
        },
      },
      async (request, reply) => {
        find(request, kind).end();
        return reply.code(200).send(null);
      },
    );

    const hidden = { schema: { hide: true } };
    app.options(`/${kind}/:room`, hidden, (_, reply) => preflight(reply, { 'accept-post': SDP }));
    app.options(`/${kind}/:room/:session`, hidden, (_, reply) =>
      preflight(reply, { 'accept-patch': FRAGMENT }),
    );
    app.route({ method: [...REFUSED], url: `/${kind}/:room`, ...hidden, handler: refuse('POST') });
    app.route({
      method: [...REFUSED, 'POST'],
      url: `/${kind}/:room/:session`,
      ...hidden,
      handler: refuse('PATCH, DELETE'),
    });
  }
};

/** `/v1/server` and the stream of events, `/v1/events`. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import { isMomentary, type RoomEvent } from '../rooms/room-events.js';
import type { Right } from './access.js';
import type { EventLog } from './event-log.js';
import { PROBLEMS } from './problem.js';
import type { ApiDependencies } from './room-routes.js';
import { ServerDescription } from './schemas.js';
import { StreamLimit, type StreamLimits } from './stream-limit.js';

/** Proxies close what is silent for a minute. */
const HEARTBEAT_MS = 15_000;
/** How often it is looked at whether a reader still may read. */
const RIGHT_CHECK_MS = 1000;
/** A reader this far behind is cut off; it comes back with the id of its last event. */
const MAX_BEHIND_BYTES = 1 << 20;
const tags = ['server'];

export interface ServerDependencies extends ApiDependencies, StreamLimits {
  readonly events: EventLog;
  readonly version: string;
}

/** One event of a `text/event-stream` (WHATWG HTML, 9.2). */
function frame({ id, event, ...rest }: RoomEvent): string {
  // An event that is no longer kept cannot be continued from.
  const at = isMomentary(event) ? '' : `id: ${id}\n`;
  return `${at}event: ${event}\ndata: ${JSON.stringify({ event, id, ...rest })}\n\n`;
}

export const serverRoutes: FastifyPluginAsyncTypebox<ServerDependencies> = async (app, options) => {
  const { rooms, access, events, version } = options;
  const open = new Set<() => void>();
  const limit = new StreamLimit(options);
  const rights = new WeakMap<FastifyRequest, Right>();

  app.get(
    '/server',
    {
      schema: { tags, summary: 'The server', response: { 200: ServerDescription, ...PROBLEMS } },
      onRequest: (request) => access.require(request, { kind: 'list' }),
    },
    async () => ({
      version,
      status: rooms.readiness,
      open: access.open,
      uptimeSeconds: Math.floor(process.uptime()),
      encoders: [...rooms.encoders],
      numRooms: rooms.all.length,
      numParticipants: rooms.all.reduce((sum, { size }) => sum + size, 0),
    }),
  );

  app.get(
    '/events',
    {
      schema: {
        tags,
        summary: 'Events as they happen (server-sent events), of one room or all',
        description:
          'With `Last-Event-ID` those that were missed come first, as far as they are kept.',
        produces: ['text/event-stream'],
        querystring: Type.Object({
          room: Type.Optional(Type.String({ maxLength: 64 })),
          access_token: Type.Optional(Type.String({ maxLength: 8192 })),
        }),
      },
      onRequest: async (request) => {
        // The query is checked against its schema after this: a room may be there twice.
        const { room } = request.query as { room?: unknown };
        const right = await access.require(
          request,
          typeof room === 'string'
            ? { kind: 'admin', room: room.normalize('NFC') }
            : { kind: 'list' },
        );
        rights.set(request, right);
      },
    },
    async (request, reply) => {
      const room = request.query.room?.normalize('NFC');
      const right = rights.get(request) as Right;
      const leave = limit.take(right.tokenDigest, request.ip);
      reply.hijack();
      const { raw } = reply;
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) raw.setHeader(name, value);
      }
      raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-request-id': request.id,
      });
      const write = (text: string) => {
        if (raw.writableLength > MAX_BEHIND_BYTES) raw.destroy();
        else raw.write(text);
      };
      const end = () => raw.end();
      const tell = (event: RoomEvent) => {
        if (!right.holds()) end();
        else if (room === undefined || event.room.name === room) write(frame(event));
      };
      write(': hello\n\n');
      const last = request.headers['last-event-id'];
      if (typeof last === 'string') for (const event of events.after(last)) tell(event);
      const unsubscribe = events.subscribe(tell);
      const heartbeat = setInterval(() => write(':\n\n'), HEARTBEAT_MS);
      const check = setInterval(() => {
        if (!right.holds()) end();
      }, RIGHT_CHECK_MS);
      open.add(end);
      raw.on('close', () => {
        unsubscribe();
        clearInterval(heartbeat);
        clearInterval(check);
        leave();
        open.delete(end);
      });
    },
  );

  app.addHook('preClose', async () => {
    for (const end of open) end();
  });
};

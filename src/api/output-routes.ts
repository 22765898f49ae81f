/** `/v1/rooms/:room/outputs`: live outputs of the composite; and `/hls`, which players read. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { liveUrlDescription } from '../outputs/live/kinds/live-kinds.js';
import type { LiveOutputs } from '../outputs/live/live-outputs.js';
import { OutputInfo } from '../protocol/output-info.js';
import { cleanRoomId } from '../rooms/names.js';
import { PROBLEMS } from './problem.js';
import { type ApiDependencies, requireAdmin } from './room-routes.js';
import { InRoom, OneOfRoom } from './schemas.js';

export interface OutputDependencies extends ApiDependencies {
  readonly outputs: LiveOutputs;
}

const tags = ['live outputs'];
const strict = { additionalProperties: false } as const;

const OutputCreation = Type.Object(
  {
    url: Type.String({
      minLength: 3,
      maxLength: 2048,
      description: liveUrlDescription(),
    }),
  },
  strict,
);

export const outputRoutes: FastifyPluginAsyncTypebox<OutputDependencies> = async (
  app,
  { rooms, access, outputs },
) => {
  const onRequest = requireAdmin(access);

  app.get(
    '/rooms/:room/outputs',
    {
      schema: {
        tags,
        summary: 'Where the composite goes live',
        params: InRoom,
        response: { 200: Type.Array(OutputInfo), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params, pathPrefix }) =>
      outputs
        .list(rooms.find(cleanRoomId(params.room)).id)
        .map((output) => below(pathPrefix, output)),
  );

  app.post(
    '/rooms/:room/outputs',
    {
      schema: {
        tags,
        summary: 'Send the composite somewhere, live',
        description: 'When it fails it connects again, until it is deleted.',
        params: InRoom,
        body: OutputCreation,
        response: { 201: OutputInfo, ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params, body, pathPrefix }, reply) => {
      const room = rooms.find(cleanRoomId(params.room));
      return reply.code(201).send(below(pathPrefix, await outputs.add(room, body)));
    },
  );

  app.delete(
    '/rooms/:room/outputs/:id',
    {
      schema: {
        tags,
        summary: 'End a live output',
        params: OneOfRoom,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }, reply) => {
      const { id, room } = outputs.find(params.id);
      if (room === cleanRoomId(params.room)) await outputs.remove(id);
      return reply.code(204).send(null);
    },
  );
};

/** Addresses on this server begin with the path below which the client sees it. */
function below(prefix: string, output: OutputInfo): OutputInfo {
  const { destination } = output;
  return destination.startsWith('/') ? { ...output, destination: prefix + destination } : output;
}

/** HLS files. Players on any page may read them; the address is the secret. */
export const hlsRoutes: FastifyPluginAsyncTypebox<OutputDependencies> = async (
  app,
  { outputs },
) => {
  app.get(
    '/hls/:id/:file',
    {
      config: { rateLimit: false },
      schema: {
        hide: true,
        params: Type.Object({
          id: Type.String({ pattern: '^[\\w-]{16}$' }),
          file: Type.String({ pattern: '^(index\\.m3u8|init\\.mp4|segment-\\d{1,10}\\.m4s)$' }),
        }),
      },
    },
    async ({ params: { id, file } }, reply) => {
      const isList = file.endsWith('.m3u8');
      reply
        .header('access-control-allow-origin', '*')
        .header('content-type', isList ? 'application/vnd.apple.mpegurl' : 'video/mp4')
        .header('cache-control', isList ? 'no-cache' : 'public, max-age=60');
      return reply.sendFile(file, outputs.folderOf(id), { cacheControl: false });
    },
  );
};

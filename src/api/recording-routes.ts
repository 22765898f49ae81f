/** `/v1/recordings` and `/v1/rooms/:room/recordings`: start, stop, list, play and delete recordings. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import type { Recordings } from '../outputs/recording/recordings.js';
import { mediaTypeOf } from '../protocol/file-format.js';
import { RecordingInfo, RecordingRequest } from '../protocol/recording-info.js';
import { cleanRoomId } from '../rooms/names.js';
import { PROBLEMS } from './problem.js';
import type { ApiDependencies } from './room-routes.js';
import { InRoom, OneFile, OneRecording } from './schemas.js';

export interface RecordingDependencies extends ApiDependencies {
  readonly recordings: Recordings;
}

const tags = ['recordings'];

/** A copy: Fastify's types want arrays that can be changed. */
function described(info: RecordingInfo): Static<typeof RecordingInfo> {
  return { ...info, files: [...info.files], tracks: [...info.tracks] };
}

export const recordingRoutes: FastifyPluginAsyncTypebox<RecordingDependencies> = async (
  app,
  { rooms, access, recordings },
) => {
  const { archive } = recordings;
  /** Access to the recordings of a room, which may have ended. */
  const ofRoom = (writes: boolean) => async (request: FastifyRequest) => {
    const { room } = request.params as { room: string };
    await access.require(request, { kind: 'record', room: room.normalize('NFC'), writes });
  };
  /** Access to one recording. */
  const ofOne = (writes: boolean) => async (request: FastifyRequest) => {
    const { id } = request.params as { id: string };
    // A caller without access gets the same answer whether or not the recording exists.
    await access.require(request, { kind: 'record', room: archive.find(id)?.room ?? '', writes });
  };

  app.get(
    '/rooms/:room/recordings',
    {
      schema: {
        tags,
        summary: "A room's recordings, also after its end; the latest first",
        params: InRoom,
        response: { 200: Type.Array(RecordingInfo), ...PROBLEMS },
      },
      onRequest: ofRoom(false),
    },
    async ({ params }) => archive.list(cleanRoomId(params.room)).map(described),
  );

  app.post(
    '/rooms/:room/recordings',
    {
      schema: {
        tags,
        summary: 'Record a room',
        params: InRoom,
        body: RecordingRequest,
        response: { 201: RecordingInfo, ...PROBLEMS },
      },
      onRequest: ofRoom(true),
    },
    async ({ params, body }, reply) => {
      const recording = await recordings.record(rooms.find(cleanRoomId(params.room)), body);
      reply.header('location', `/v1/recordings/${recording.id}`);
      return reply.code(201).send(described(recording));
    },
  );

  app.get(
    '/recordings',
    {
      schema: {
        tags,
        summary: 'All recordings',
        response: { 200: Type.Array(RecordingInfo), ...PROBLEMS },
      },
      onRequest: (request) => access.require(request, { kind: 'list' }),
    },
    async () => archive.list().map(described),
  );

  app.get(
    '/recordings/:id',
    {
      schema: {
        tags,
        summary: 'One recording',
        params: OneRecording,
        response: { 200: RecordingInfo, ...PROBLEMS },
      },
      onRequest: ofOne(false),
    },
    async ({ params }) => described(archive.info(params.id)),
  );

  const actions = {
    pause: 'Leave out what is sent until it is resumed',
    resume: 'Continue in the same file',
    stop: 'End it; the files are there once its status is `finished`',
  } as const;
  for (const [action, summary] of Object.entries(actions)) {
    app.post(
      `/recordings/:id/${action}`,
      {
        schema: {
          tags,
          summary,
          params: OneRecording,
          response: { 200: RecordingInfo, ...PROBLEMS },
        },
        onRequest: ofOne(true),
      },
      async ({ params }) => described(await recordings[action as keyof typeof actions](params.id)),
    );
  }

  app.delete(
    '/recordings/:id',
    {
      schema: {
        tags,
        summary: 'Delete a recording and its files',
        params: OneRecording,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
      onRequest: ofOne(true),
    },
    async ({ params }, reply) => {
      await archive.delete(params.id);
      return reply.code(204).send(null);
    },
  );

  app.get(
    '/recordings/:id/files/:file',
    {
      config: { rateLimit: false },
      schema: {
        tags,
        summary: 'One of its files; takes range requests',
        params: OneFile,
        querystring: Type.Object({
          download: Type.Optional(Type.Literal('1', { description: 'offer it to be saved' })),
          access_token: Type.Optional(Type.String({ maxLength: 8192 })),
        }),
        produces: ['video/mp4', 'video/webm', 'audio/ogg', 'audio/mp4', 'image/jpeg', 'text/vtt'],
      },
      onRequest: ofOne(false),
    },
    async ({ params, query, headers }, reply) => {
      const { folder, name } = archive.fileOf(params.id, params.file);
      reply
        .header('content-type', mediaTypeOf(name))
        .header('cache-control', 'private, no-cache')
        .header('accept-ranges', 'bytes');
      if (query.download === '1') {
        reply.header('content-disposition', `attachment; filename="${params.id}-${name}"`);
      }
      if (folder === undefined) {
        const { stream, bytes, contentRange } = await archive.stored(
          params.id,
          name,
          headers.range,
        );
        if (contentRange !== undefined) reply.code(206).header('content-range', contentRange);
        return reply.header('content-length', bytes).send(stream);
      }
      return reply.sendFile(name, folder, { cacheControl: false });
    },
  );
};

/** `/v1/captures`, and those of a participant: started, listed, stopped, read and deleted by admins of the server. */
import { createReadStream } from 'node:fs';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import type { Captures } from '../captures/captures.js';
import { CaptureCreation, CaptureInfo } from '../protocol/capture-info.js';
import { cleanRoomId } from '../rooms/names.js';
import { PROBLEMS } from './problem.js';
import type { ApiDependencies } from './room-routes.js';
import { OneOfRoom } from './schemas.js';

export interface CaptureDependencies extends ApiDependencies {
  readonly captures: Captures;
}

const tags = ['captures'];

const OneCapture = Type.Object({ id: Type.String({ maxLength: 64 }) });
const OneCaptureFile = Type.Object({
  id: Type.String({ maxLength: 64 }),
  file: Type.Union([Type.Literal('capture.rtpdump'), Type.Literal('capture.sdp')]),
});
export const captureRoutes: FastifyPluginAsyncTypebox<CaptureDependencies> = async (
  app,
  { rooms, access, captures },
) => {
  // A capture holds a person's voice and picture: only admins of all rooms may read it.
  const onRequest = (request: FastifyRequest) =>
    access.require(request, { kind: 'admin', room: '' });

  app.post(
    '/rooms/:room/participants/:id/captures',
    {
      schema: {
        tags,
        summary: 'Capture what a participant sends; everybody in the room sees that it is on',
        params: OneOfRoom,
        body: CaptureCreation,
        response: { 201: CaptureInfo, ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params, body }, reply) => {
      const room = rooms.find(cleanRoomId(params.room));
      const capture = await captures.capture(room.id, room.participant(params.id), body.seconds);
      reply.header('location', `/v1/captures/${capture.id}`);
      return reply.code(201).send(capture);
    },
  );

  app.get(
    '/captures',
    {
      schema: {
        tags,
        summary: 'All captures, the latest first',
        response: { 200: Type.Array(CaptureInfo), ...PROBLEMS },
      },
      onRequest,
    },
    async () => [...captures.list],
  );

  app.get(
    '/captures/:id',
    {
      schema: {
        tags,
        summary: 'One capture',
        params: OneCapture,
        response: { 200: CaptureInfo, ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }) => captures.get(params.id),
  );

  app.post(
    '/captures/:id/stop',
    {
      schema: {
        tags,
        summary: 'Stop a capture; its files are whole then',
        params: OneCapture,
        response: { 200: CaptureInfo, ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }) => captures.stop(params.id),
  );

  app.get(
    '/captures/:id/files/:file',
    {
      schema: {
        tags,
        summary: 'The packets (rtpdump) or the offers (SDP) of a capture that has ended',
        params: OneCaptureFile,
      },
      onRequest,
    },
    async ({ params: { id, file } }, reply) => {
      const { dump, sdp } = captures.endedFilesOf(id);
      reply
        .header('content-disposition', `attachment; filename="${id}.${file.split('.')[1]}"`)
        .type(file === 'capture.sdp' ? 'application/sdp' : 'application/octet-stream');
      return reply.send(createReadStream(file === 'capture.sdp' ? sdp : dump));
    },
  );

  app.delete(
    '/captures/:id',
    {
      schema: {
        tags,
        summary: 'Delete a capture, after stopping it',
        params: OneCapture,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }, reply) => {
      await captures.delete(params.id);
      return reply.code(204).send(null);
    },
  );
};

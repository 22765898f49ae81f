/** `/v1/rooms/:room/participants`. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { cleanName, cleanRoomId } from '../rooms/names.js';
import type { Participant } from '../rooms/participant.js';
import { participantInfo } from '../rooms/participant-info.js';
import { PROBLEMS } from './problem.js';
import { type ApiDependencies, checkVersion, requireAdmin } from './room-routes.js';
import {
  IfMatch,
  InRoom,
  MediaOff,
  MediaOn,
  OneOfRoom,
  ParticipantChange,
  ParticipantDescription,
  ParticipantDetails,
} from './schemas.js';

const tags = ['participants'];

function describe(participant: Participant) {
  const { gainDb, connectionState, joinedAt } = participant;
  return {
    ...participantInfo(participant),
    gainDb,
    connectionState,
    joinedAt: Math.floor(joinedAt / 1000),
  };
}

function tagOf({ id, version }: Participant): string {
  return `"${id}-${version}"`;
}

export const participantRoutes: FastifyPluginAsyncTypebox<ApiDependencies> = async (
  app,
  { rooms, access },
) => {
  const onRequest = requireAdmin(access);
  const find = (name: string) => rooms.find(cleanRoomId(name));

  app.get(
    '/rooms/:room/participants',
    {
      schema: {
        tags,
        summary: 'Who is in the room, hidden ones too',
        params: InRoom,
        response: { 200: Type.Array(ParticipantDescription), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }) => find(params.room).participants.map(describe),
  );

  app.get(
    '/rooms/:room/participants/:id',
    {
      schema: {
        tags,
        summary: 'One participant, with counters of their media',
        params: OneOfRoom,
        response: { 200: ParticipantDetails, ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }, reply) => {
      const participant = find(params.room).participant(params.id);
      reply.header('etag', tagOf(participant));
      return { ...describe(participant), counters: participant.snapshot() };
    },
  );

  app.patch(
    '/rooms/:room/participants/:id',
    {
      schema: {
        tags,
        summary: 'Name, role, gain',
        params: OneOfRoom,
        headers: IfMatch,
        body: ParticipantChange,
        response: { 200: ParticipantDescription, ...PROBLEMS },
      },
      onRequest,
    },
    async (request, reply) => {
      const { params, body } = request;
      const room = find(params.room);
      checkVersion(request, tagOf(room.participant(params.id)));
      const name = body.name === undefined ? undefined : cleanName(body.name);
      const changed = room.moderation.change(params.id, { ...body, name });
      reply.header('etag', tagOf(changed));
      return describe(changed);
    },
  );

  app.delete(
    '/rooms/:room/participants/:id',
    {
      schema: {
        tags,
        summary: 'Remove somebody; their token opens the server no more',
        params: OneOfRoom,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }, reply) => {
      find(params.room).moderation.remove(params.id);
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/rooms/:room/participants/:id/mute',
    {
      schema: {
        tags,
        summary: 'Switch microphone or camera off; they can switch it on again',
        params: OneOfRoom,
        body: MediaOff,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params, body }, reply) => {
      find(params.room).moderation.mute(params.id, body);
      return reply.code(204).send(null);
    },
  );

  app.delete(
    '/rooms/:room/participants/:id/quarantine',
    {
      schema: {
        tags,
        summary: 'Try the video of somebody again that crashed a decoder, before its time is over',
        params: OneOfRoom,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }, reply) => {
      find(params.room).liftQuarantine(params.id);
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/rooms/:room/participants/:id/ask-to-unmute',
    {
      schema: {
        tags,
        summary: 'Ask somebody to switch microphone or camera on: theirs to decide',
        params: OneOfRoom,
        body: MediaOn,
        response: { 202: Type.Null(), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params, body }, reply) => {
      find(params.room).moderation.askToUnmute(params.id, body);
      return reply.code(202).send(null);
    },
  );
};

/** `/v1/rooms`: rooms, how to join them, and their lobbies. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import { TesseraError } from '../errors.js';
import type { IceServer } from '../protocol/ice-server.js';
import { LayoutDescription } from '../protocol/layout.js';
import { cleanName, cleanRoomId } from '../rooms/names.js';
import type { RoomRegistry } from '../rooms/registry.js';
import type { Room } from '../rooms/room.js';
import { roomInfo } from '../rooms/room-events.js';
import type { Access } from './access.js';
import { videoGrantFor } from './access-token.js';
import { PROBLEMS } from './problem.js';
import {
  IfMatch,
  InRoom,
  JoinAnswer,
  JoinRequest,
  LayoutChange,
  MediaOff,
  OneOfRoom,
  RoomChange,
  RoomCreation,
  RoomDescription,
  WaitingDescription,
} from './schemas.js';

export interface ApiDependencies {
  readonly rooms: RoomRegistry;
  readonly access: Access;
  iceServers(user: string): IceServer[];
}

const tags = ['rooms'];

/** Checks `If-Match` against the current tag (RFC 9110, 13.1.1). @throws TesseraError `version_mismatch`. */
export function checkVersion(request: FastifyRequest, tag: string): void {
  const wanted = request.headers['if-match'];
  const tags = wanted?.split(',').map((part) => part.trim());
  if (!tags || tags.includes('*') || tags.includes(tag)) return;
  throw new TesseraError('version_mismatch', 'it was changed since you read it', {
    next: 'Read it again, then decide whether your change still fits.',
  });
}

function tagOf({ sid, version }: Room): string {
  return `"${sid}-${version}"`;
}

/** A hook for routes below `/v1/rooms/:room`: only admins of the room pass. */
export function requireAdmin(access: Access) {
  return async (request: FastifyRequest): Promise<void> => {
    const { room } = request.params as { room: string };
    await access.require(request, { kind: 'admin', room: room.normalize('NFC') });
  };
}

export const roomRoutes: FastifyPluginAsyncTypebox<ApiDependencies> = async (app, options) => {
  const { rooms, access, iceServers } = options;
  const onRequest = requireAdmin(access);
  const find = (name: string) => rooms.find(cleanRoomId(name));

  app.get(
    '/rooms',
    {
      schema: {
        tags,
        summary: 'All rooms',
        response: { 200: Type.Array(RoomDescription), ...PROBLEMS },
      },
      onRequest: (request) => access.require(request, { kind: 'list' }),
    },
    async () => rooms.all.map(roomInfo),
  );

  app.post(
    '/rooms',
    {
      schema: {
        tags,
        summary: 'Make a room',
        description: 'Rooms also begin when somebody joins them, with the settings of the server.',
        body: RoomCreation,
        response: { 201: RoomDescription, ...PROBLEMS },
      },
      onRequest: (request) => access.require(request, { kind: 'create' }),
    },
    async ({ body: { name, ...settings } }, reply) => {
      const room = await rooms.create(cleanRoomId(name), settings);
      reply
        .header('location', `/v1/rooms/${encodeURIComponent(room.id)}`)
        .header('etag', tagOf(room));
      return reply.code(201).send(roomInfo(room));
    },
  );

  app.get(
    '/rooms/:room',
    {
      schema: {
        tags,
        summary: 'One room',
        params: InRoom,
        response: { 200: RoomDescription, ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }, reply) => {
      const room = find(params.room);
      reply.header('etag', tagOf(room));
      return roomInfo(room);
    },
  );

  app.patch(
    '/rooms/:room',
    {
      schema: {
        tags,
        summary: 'Lock, open, or limit a room',
        params: InRoom,
        headers: IfMatch,
        body: RoomChange,
        response: { 200: RoomDescription, ...PROBLEMS },
      },
      onRequest,
    },
    async (request, reply) => {
      const room = find(request.params.room);
      checkVersion(request, tagOf(room));
      room.update(request.body);
      await rooms.kept(room.id);
      reply.header('etag', tagOf(room));
      return roomInfo(room);
    },
  );

  app.delete(
    '/rooms/:room',
    {
      schema: {
        tags,
        summary: 'End a room for everybody',
        params: InRoom,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }, reply) => {
      await rooms.end(cleanRoomId(params.room));
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/rooms/:room/mute',
    {
      schema: {
        tags,
        summary: 'Mute everybody but hosts',
        params: InRoom,
        body: MediaOff,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params, body }, reply) => {
      find(params.room).moderation.muteAll(body);
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/rooms/:room/join',
    {
      schema: {
        tags,
        summary: 'What somebody needs to join: a token, the address, ICE servers',
        params: InRoom,
        body: JoinRequest,
        response: { 200: JoinAnswer, ...PROBLEMS },
      },
      onRequest,
    },
    async (request) => {
      const { params, body, host, protocol, pathPrefix } = request;
      const { identity, role = 'participant', canPublishSources, hidden } = body;
      const { canSubscribe, canPublishData } = body;
      const { token, expiresAt } = await access.mint(request, {
        identity,
        name: body.name === undefined ? undefined : cleanName(body.name),
        ...(body.seconds === undefined ? {} : { seconds: body.seconds }),
        video: {
          ...videoGrantFor(cleanRoomId(params.room), role, canPublishSources),
          ...(canSubscribe === undefined ? {} : { canSubscribe }),
          ...(canPublishData === undefined ? {} : { canPublishData }),
          ...(hidden === undefined ? {} : { hidden }),
        },
      });
      return {
        token,
        url: `${protocol === 'https' ? 'wss' : 'ws'}://${host}${pathPrefix}/signal`,
        expiresAt,
        iceServers: iceServers(identity ?? 'invited'),
      };
    },
  );

  app.get(
    '/rooms/:room/layout',
    {
      schema: {
        tags,
        summary: 'What the picture is made of, and where',
        params: InRoom,
        response: { 200: LayoutDescription, ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }) => find(params.room).layout,
  );

  app.patch(
    '/rooms/:room/layout',
    {
      schema: {
        tags,
        summary: 'Arrange the picture otherwise',
        params: InRoom,
        headers: IfMatch,
        body: LayoutChange,
        response: { 200: LayoutDescription, ...PROBLEMS },
      },
      onRequest,
    },
    async (request, reply) => {
      const room = find(request.params.room);
      checkVersion(request, tagOf(room));
      const { mode, custom, pinned } = request.body;
      if (pinned) room.pin(pinned);
      const change = {
        ...(mode === undefined ? {} : { layout: mode }),
        ...(custom === undefined ? {} : { customLayout: custom }),
      };
      if (mode !== undefined || custom !== undefined) room.update(change);
      await rooms.kept(room.id);
      reply.header('etag', tagOf(room));
      return room.layout;
    },
  );

  app.get(
    '/rooms/:room/lobby',
    {
      schema: {
        tags,
        summary: 'Who waits to come in',
        params: InRoom,
        response: { 200: Type.Array(WaitingDescription), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }) => [...find(params.room).waiting],
  );

  for (const decision of ['admit', 'deny'] as const) {
    app.post(
      `/rooms/:room/lobby/:id/${decision}`,
      {
        schema: {
          tags,
          summary: decision === 'admit' ? 'Let somebody in' : 'Send somebody away',
          params: OneOfRoom,
          response: { 204: Type.Null(), ...PROBLEMS },
        },
        onRequest,
      },
      async ({ params }, reply) => {
        find(params.room).membership[decision](params.id);
        return reply.code(204).send(null);
      },
    );
  }
};

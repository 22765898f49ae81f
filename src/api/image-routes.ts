/** `/v1/rooms/:room/images` and avatars: pictures that lie over, behind and in place of the video. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { ImageName } from '../protocol/layout.js';
import { type ImageIntake, MAX_IMAGE_BYTES } from '../rooms/image-intake.js';
import { cleanRoomId } from '../rooms/names.js';
import { PROBLEMS } from './problem.js';
import { type ApiDependencies, requireAdmin } from './room-routes.js';
import { InRoom, OneOfRoom } from './schemas.js';

export interface ImageDependencies extends ApiDependencies {
  readonly images: ImageIntake;
}

const tags = ['images'];
const consumes = ['image/png', 'image/jpeg', 'image/webp'];
const AVATAR_SIDE = 512;
/** No canvas is larger. */
const CANVAS_SIDE = 1920;

const OneImage = Type.Object({ ...InRoom.properties, image: ImageName });
const ImageDescription = Type.Object({
  name: Type.String(),
  width: Type.Integer({ description: 'pixels, as it is kept' }),
  height: Type.Integer(),
});
const description = 'The body is the file itself: PNG, JPEG or WebP, at most 4 MiB.';

/** The content type parser gives a buffer; without a body there is none. */
function bytesOf(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

export const imageRoutes: FastifyPluginAsyncTypebox<ImageDependencies> = async (app, options) => {
  const { rooms, access, images } = options;
  const onRequest = requireAdmin(access);
  const find = (name: string) => rooms.find(cleanRoomId(name));
  app.addContentTypeParser(
    consumes,
    { parseAs: 'buffer', bodyLimit: MAX_IMAGE_BYTES },
    (_request, body, done) => done(null, body),
  );

  app.get(
    '/rooms/:room/images',
    {
      schema: {
        tags,
        summary: 'Images of the room, for logo, watermark and background',
        params: InRoom,
        response: { 200: Type.Array(ImageDescription), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }) => [...find(params.room).images.list],
  );

  app.put(
    '/rooms/:room/images/:image',
    {
      bodyLimit: MAX_IMAGE_BYTES,
      schema: {
        tags,
        summary: 'Upload an image for the room',
        description,
        consumes,
        params: OneImage,
        response: { 200: ImageDescription, ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params, body }) => {
      const room = find(params.room);
      const most = { maxWidth: CANVAS_SIDE, maxHeight: CANVAS_SIDE };
      const image = await images.take(bytesOf(body), most);
      room.images.set(params.image, image);
      await rooms.kept(room.id);
      return { name: params.image, width: image.width, height: image.height };
    },
  );

  app.delete(
    '/rooms/:room/images/:image',
    {
      schema: {
        tags,
        summary: 'Take an image away',
        params: OneImage,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }, reply) => {
      find(params.room).images.remove(params.image);
      return reply.code(204).send(null);
    },
  );

  app.put(
    '/rooms/:room/participants/:id/avatar',
    {
      bodyLimit: MAX_IMAGE_BYTES,
      schema: {
        tags,
        summary: "Upload somebody's avatar, shown while their camera is off",
        description,
        consumes,
        params: OneOfRoom,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params, body }, reply) => {
      const room = find(params.room);
      room.participant(params.id);
      const most = { maxWidth: AVATAR_SIDE, maxHeight: AVATAR_SIDE };
      room.setAvatar(params.id, await images.take(bytesOf(body), most));
      return reply.code(204).send(null);
    },
  );

  app.delete(
    '/rooms/:room/participants/:id/avatar',
    {
      schema: {
        tags,
        summary: "Take somebody's avatar away",
        params: OneOfRoom,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
      onRequest,
    },
    async ({ params }, reply) => {
      find(params.room).setAvatar(params.id, undefined);
      return reply.code(204).send(null);
    },
  );
};

/** Uploaded images: the reader of their headers in this process, and the whole way over HTTP. */
import { TesseraError } from '../../../src/errors.js';
import { ImageIntake } from '../../../src/rooms/image-intake.js';
import type { MediaPool } from '../../../src/rooms/media-pool.js';
import { paint, withOrientation, withSides } from '../../../test/support/images.js';
import { checkAnswer, exchange } from '../http-client.js';
import { mutateBytes } from '../mutate.js';
import type { Random } from '../random.js';
import { WORKSHOP } from '../server.js';
import { demand, type FuzzInput, type Target } from '../target.js';
import { withToken } from './http.js';

const LIMITS = { maxWidth: 1920, maxHeight: 1920 };
const SIDES = [0, 1, 7, 8192, 8193, 65_535, 2 ** 31, 2 ** 32 - 1];

function seeds(): readonly (readonly [type: string, bytes: Buffer])[] {
  const jpeg = paint(60, 40, 'red', 'blue', 'image/jpeg');
  return [
    ['image/png', paint(60, 40, 'red', 'blue')],
    ['image/jpeg', jpeg],
    ['image/jpeg', withOrientation(jpeg, 6)],
    ['image/webp', paint(60, 40, 'red', 'blue', 'image/webp')],
  ];
}

function mutatedImage(
  random: Random,
  images: ReturnType<typeof seeds>,
): { readonly type: string; readonly bytes: Buffer } {
  const [type, bytes] = random.pick(images);
  const sized =
    type === 'image/png' && random.chance(0.3)
      ? withSides(bytes, random.pick(SIDES), random.pick(SIDES))
      : bytes;
  return { type, bytes: random.chance(0.9) ? mutateBytes(random, sized) : sized };
}

/** Nothing is decoded here: the pool refuses what the header let through. */
const POOL = { ask: async () => ({ type: 'refused' }) } as unknown as MediaPool;

const header: Target = {
  name: 'image-header',
  from: 'module',
  batch: 5000,
  open: () => {
    const images = seeds();
    const intake = new ImageIntake(POOL);
    return {
      next: (random) => ({ how: 'file', bytes: mutatedImage(random, images).bytes }),
      send: async (input) => {
        const refusal = await intake.take(input.bytes, LIMITS).then(
          () => undefined,
          (error: unknown) => error,
        );
        const isRefusal = refusal instanceof TesseraError && refusal.code === 'bad_image';
        demand(isRefusal, `the answer is ${refusal}`, input);
      },
    };
  },
};

function upload({ type, bytes }: { readonly type: string; readonly bytes: Buffer }): FuzzInput {
  const head = [
    `PUT /v1/rooms/${WORKSHOP}/images/logo HTTP/1.1`,
    'host: localhost',
    'connection: close',
    'authorization: Bearer {token}',
    `content-type: ${type}`,
    `content-length: ${bytes.length}`,
    '',
    '',
  ].join('\r\n');
  return { how: type, bytes: Buffer.concat([Buffer.from(head), bytes]) };
}

const overHttp: Target = {
  name: 'images',
  from: 'peer',
  // Each one that has a good header is decoded by a process of its own.
  batch: 10,
  open: async (server) => {
    const images = seeds();
    await server.openWorkshop();
    return {
      next: (random) => upload(mutatedImage(random, images)),
      send: async (input) => {
        const answer = await exchange(
          server.hostAndPort,
          withToken(input.bytes, server.adminToken),
        );
        checkAnswer(answer, input);
      },
    };
  },
};

export const IMAGES: readonly Target[] = [header, overHttp];

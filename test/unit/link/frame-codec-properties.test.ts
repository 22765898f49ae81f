/** Frames cross the link unchanged, in whatever pieces they come. */
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRecord, encodeFrameHead } from '../../../src/link/frame-codec.js';
import type { MediaFrame } from '../../../src/link/link-messages.js';
import { MediaLink } from '../../../src/link/media-link.js';
import { UPLINK_AUDIO_CODECS, UPLINK_VIDEO_CODECS } from '../../../src/protocol/codec-names.js';

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const time = fc.oneof(fc.integer({ min: 0 }), fc.constant(Number.NaN));
const data = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

const frame: fc.Arbitrary<MediaFrame> = fc.oneof(
  fc.record({
    kind: fc.constant('audio-in' as const),
    codec: fc.constantFrom(...UPLINK_AUDIO_CODECS),
    source: u32,
    sequence: u16,
    timestamp: u32,
    isRepeat: fc.boolean(),
    isSilent: fc.boolean(),
    captureMicros: time,
    arrivalMicros: time,
    data,
  }),
  fc.record({
    kind: fc.constant('video-in' as const),
    source: u32,
    codec: fc.constantFrom(...UPLINK_VIDEO_CODECS),
    keyframe: fc.boolean(),
    damaged: fc.boolean(),
    colourSpace: fc.record({
      matrix: fc.constantFrom('bt601' as const, 'bt709' as const),
      fullRange: fc.boolean(),
    }),
    rotation: fc.constantFrom(0 as const, 90 as const, 180 as const, 270 as const),
    captureMicros: time,
    arrivalMicros: time,
    data,
  }),
  fc.record({
    kind: fc.constant('audio-out' as const),
    source: u32,
    ptsMicros: time,
    last: fc.boolean(),
    low: fc.boolean(),
    lowBegins: fc.boolean(),
    data,
  }),
);

function recordOf(one: MediaFrame): Buffer {
  return Buffer.concat([encodeFrameHead(one), one.data]);
}

test('a frame is decoded as it was encoded', () => {
  fc.assert(
    fc.property(frame, (one) => {
      expect(decodeRecord(recordOf(one).subarray(4))).toEqual(one);
    }),
  );
});

test('any bytes are a record, or an error that ends the link', () => {
  fc.assert(
    fc.property(data, (bytes) => {
      try {
        decodeRecord(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});

test('frames come out in order, however the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(frame, { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 20 }),
      async (frames, cuts) => {
        const stream = new PassThrough();
        const received: MediaFrame[] = [];
        const link = new MediaLink(stream, {
          onMessage: () => {},
          onFrame: (one) => received.push(one),
          onClose: () => {},
        });
        const bytes = Buffer.concat(frames.map(recordOf));
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const length = cuts[turn % cuts.length] as number;
          stream.write(bytes.subarray(at, at + length));
          at += length;
        }
        await new Promise((resolve) => setImmediate(resolve));
        expect(received).toEqual(frames);
        link.close();
      },
    ),
    { numRuns: 50 },
  );
});

/** What holds for any payloads: no depacketizer throws, and what comes out is bounded by what came in. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitAnnexB } from '../../../src/codecs/annex-b.js';
import { UPLINK_VIDEO } from '../../../src/codecs/codecs.js';
import { NO_PICTURE } from '../../../src/codecs/depacketizer.js';
import { h264SpsSize } from '../../../src/codecs/h264-sps.js';
import { UPLINK_VIDEO_CODECS } from '../../../src/protocol/codec-names.js';
import { splitRed } from '../../../src/receive/red-depacketizer.js';
import { packetizeRed } from '../../../src/send/red-packetizer.js';

const bytes = (maxLength = 200) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
/** Begins as payloads of some codec do. */
const HEADS = [0x10, 0x90, 0x00, 0x78, 0x18, 0x7c, 0x5c, 0x67, 0x65, 0x80, 0xff];
const payload = fc.oneof(
  bytes(),
  fc.tuple(fc.constantFrom(...HEADS), bytes()).map(([head, rest]) => {
    return Buffer.concat([Buffer.from([head]), rest]);
  }),
);

describe.each(UPLINK_VIDEO_CODECS)('%s', (codec) => {
  const { createDepacketizer, keyframeSize } = UPLINK_VIDEO[codec].uplink;

  test('any payloads are a frame of bounded length, or none', () => {
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 6 }), (payloads) => {
        const depacketizer = createDepacketizer({});
        for (const one of payloads) {
          depacketizer.arrived?.(one);
          depacketizer.startsKeyframe(one);
          depacketizer.sizeIn(one);
          depacketizer.hasPicture?.(one);
        }
        const frame = depacketizer.assemble(payloads);
        if (!frame || frame === NO_PICTURE) return;
        const given = payloads.reduce((sum, { length }) => sum + length, 0);
        // An H.264 unit of one byte has a length of two bytes in RTP, and a start code of four here.
        // Parameter sets may be in a keyframe twice.
        expect(frame.data.length).toBeLessThanOrEqual(given * 8 + 16);
        if (frame.size) expect(Math.min(frame.size.width, frame.size.height)).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  test('the size of any bytes is a size, or unknown', () => {
    fc.assert(
      fc.property(payload, (frame) => {
        const size = keyframeSize(frame);
        if (size) expect(Math.min(size.width, size.height)).toBeGreaterThan(0);
      }),
    );
  });
});

test('any sequence parameter set has a size of whole, positive numbers, or none', () => {
  fc.assert(
    fc.property(bytes(60), (rest) => {
      const size = h264SpsSize(Buffer.concat([Buffer.from([0x67]), rest]));
      if (!size) return;
      expect(Number.isSafeInteger(size.width) && size.width > 0).toBe(true);
      expect(Number.isSafeInteger(size.height) && size.height > 0).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('units of any bytes are parts of them', () => {
  fc.assert(
    fc.property(bytes(), (frame) => {
      const sum = splitAnnexB(frame).reduce((all, { length }) => all + length, 0);
      expect(sum).toBeLessThanOrEqual(frame.length);
    }),
  );
});

test('redundant audio is read as it was written', () => {
  const frame = bytes(300).filter(({ length }) => length > 0);
  fc.assert(
    fc.property(frame, fc.array(frame, { maxLength: 3 }), (newest, older) => {
      const at = (age: number) => (10 - age) * 960;
      const earlier = older.map((data, index) => ({
        timestamp: at(older.length - index),
        payload: data,
      }));
      const written = packetizeRed({ timestamp: at(0), payload: newest }, earlier, 111);
      const blocks = splitRed(written);
      expect(blocks?.map((block) => block.payload)).toEqual([...older, newest]);
      const ages = older.map((_, index) => (older.length - index) * 960);
      expect(blocks?.map(({ timestampOffset }) => timestampOffset)).toEqual([...ages, 0]);
    }),
  );
});

test('any bytes are blocks inside of them, or malformed', () => {
  fc.assert(
    fc.property(bytes(), (data) => {
      const sum = (splitRed(data) ?? []).reduce((all, block) => all + block.payload.length, 0);
      expect(sum).toBeLessThanOrEqual(data.length);
    }),
  );
});

import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { decodeRecord, encodeControl, encodeFrameHead } from '../../../src/link/frame-codec.js';
import type { MediaFrame, VideoInFrame, VideoOutFrame } from '../../../src/link/link-messages.js';
import { MediaLink } from '../../../src/link/media-link.js';
import {
  COMPOSITE_CODECS,
  UPLINK_AUDIO_CODECS,
  UPLINK_VIDEO_CODECS,
} from '../../../src/protocol/codec-names.js';

const LENGTH_BYTES = 4;
const data = Buffer.from('the frame');

const videoIn: VideoInFrame = {
  kind: 'video-in',
  source: 4_000_000_000,
  codec: 'vp8',
  keyframe: true,
  damaged: false,
  colourSpace: { matrix: 'bt709', fullRange: true },
  rotation: 270,
  arrivalMicros: 123_456_789_012,
  captureMicros: 987_654_321.5,
  data,
};

const videoOut: VideoOutFrame = {
  kind: 'video-out',
  codec: 'av1',
  rendition: 7,
  keyframe: false,
  temporalLayer: 1,
  ptsMicros: 5_000_000,
  encodedMicros: 5_010_000,
  data,
};

function sent(frame: MediaFrame): Buffer {
  return Buffer.concat([encodeFrameHead(frame), frame.data]);
}

function roundTrip(frame: MediaFrame): unknown {
  const record = sent(frame);
  expect(record.readUInt32LE(0)).toBe(record.length - LENGTH_BYTES);
  return decodeRecord(record.subarray(LENGTH_BYTES));
}

describe('frames come out as they went in', () => {
  test.each(UPLINK_VIDEO_CODECS)('%s from a client', (codec) => {
    expect(roundTrip({ ...videoIn, codec })).toEqual({ ...videoIn, codec });
  });

  test.each(COMPOSITE_CODECS)('%s from the mixer', (codec) => {
    expect(roundTrip({ ...videoOut, codec })).toEqual({ ...videoOut, codec });
  });

  test.each([0, 90, 180, 270] as const)('a rotation of %d degrees', (rotation) => {
    const frame = { ...videoIn, rotation, keyframe: false, captureMicros: Number.NaN };
    expect(roundTrip(frame)).toEqual(frame);
  });

  test('a frame after others that are missing', () => {
    const frame = { ...videoIn, keyframe: false, damaged: true };
    expect(roundTrip(frame)).toEqual(frame);
  });

  test.each(UPLINK_AUDIO_CODECS)('%s from a client', (codec) => {
    const numbers = { source: 3, sequence: 1, timestamp: 2, arrivalMicros: 3, captureMicros: 4 };
    const flags = { isRepeat: true, isSilent: true };
    const frame = { kind: 'audio-in', codec, ...numbers, ...flags, data } as const;
    expect(roundTrip(frame)).toEqual(frame);
  });

  test.each([
    ['neither repeated nor silent', false, false],
    ['repeated', true, false],
    ['silent', false, true],
  ])('audio from a client, %s', (_, isRepeat, isSilent) => {
    const frame = {
      kind: 'audio-in',
      codec: 'opus',
      source: 3,
      sequence: 65_535,
      timestamp: 0xffff_ffff,
      isRepeat,
      isSilent,
      arrivalMicros: 1,
      captureMicros: 2,
      data,
    } as const;
    expect(roundTrip(frame)).toEqual(frame);
  });

  test.each([
    [false, false, true],
    [true, false, false],
    [false, true, true],
  ])('audio from the mixer: low %s, low begins %s, last %s', (low, lowBegins, last) => {
    const frame = {
      kind: 'audio-out',
      source: 0,
      ptsMicros: 20_000,
      low,
      lowBegins,
      last,
      data,
    } as const;
    expect(roundTrip(frame)).toEqual(frame);
  });
});

describe('what the link does not know is an error', () => {
  const CODEC_AT = LENGTH_BYTES + 8;

  test.each([videoIn, videoOut])('a codec without a name: $kind', (frame) => {
    const record = sent(frame);
    record.writeUInt32LE(99, CODEC_AT);
    expect(() => decodeRecord(record.subarray(LENGTH_BYTES))).toThrow(/unknown codec 99/);
  });

  test('a codec that the composite is not encoded in', () => {
    const record = sent(videoOut);
    sent({ ...videoIn, codec: 'h265' }).copy(record, CODEC_AT, CODEC_AT, CODEC_AT + 4);
    expect(() => decodeRecord(record.subarray(LENGTH_BYTES))).toThrow(/unknown codec .* video-out/);
  });

  test('a codec that is not in the list cannot be written', () => {
    const frame = { ...videoOut, codec: 'theora' as never };
    expect(() => encodeFrameHead(frame)).toThrow(/theora/);
  });

  test('a kind of record', () => {
    expect(() => decodeRecord(Buffer.from([9]))).toThrow(/unknown record kind 9/);
  });

  test('it closes the link', async () => {
    const stream = new PassThrough();
    const frames: MediaFrame[] = [];
    const closed = new Promise<Error | undefined>((resolve) => {
      new MediaLink(stream, {
        onMessage: () => {},
        onFrame: (frame) => frames.push(frame),
        onClose: resolve,
      });
    });
    const bad = sent(videoIn);
    bad.writeUInt32LE(99, CODEC_AT);
    stream.write(Buffer.concat([sent(videoIn), bad, sent(videoIn)]));
    expect((await closed)?.message).toMatch(/unknown codec 99/);
    expect(frames).toEqual([videoIn]);
  });
});

test('a control message is one record', () => {
  const message = { type: 'load', floor: 2 } as const;
  expect(decodeRecord(encodeControl(message).subarray(LENGTH_BYTES))).toEqual(message);
});

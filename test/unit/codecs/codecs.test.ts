/** Each codec's descriptor: it is whole, its SDP rules hold, and its packetizer and depacketizer fit. */
import { describe, expect, test } from 'vitest';
import type { FormatParameters } from '../../../src/codecs/codec.js';
import { CODECS, DOWNLINK_VIDEO, UPLINK_VIDEO, VIDEO } from '../../../src/codecs/codecs.js';
import { type EncodedFrame, MAX_PAYLOAD } from '../../../src/codecs/packetizer.js';
import {
  COMPOSITE_CODECS,
  type CodecName,
  isCompositeCodec,
  isUplinkVideo,
  UPLINK_VIDEO_CODECS,
  type VideoCodec,
} from '../../../src/protocol/codec-names.js';

const START_CODE = Buffer.from([0, 0, 0, 1]);
const SPS = Buffer.from('6742c01fda014016e9a808080a0000030002000003007930', 'hex');
const PPS = Buffer.from('68ce3c80', 'hex');

function vp8Frame(keyframe: boolean, length: number): Buffer {
  const frame = Buffer.alloc(length, 0x5a);
  // 1280x720.
  frame.set(keyframe ? [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02] : [0x11, 0, 0]);
  return frame;
}

function h264Frame(keyframe: boolean, length: number): Buffer {
  const slice = Buffer.alloc(length, 0x5a);
  slice[0] = keyframe ? 0x65 : 0x41;
  const units = keyframe ? [SPS, PPS, slice] : [slice];
  return Buffer.concat(units.flatMap((unit) => [START_CODE, unit]));
}

/** A frame of 1280x720 in each codec that clients send. */
const FRAMES: Record<VideoCodec, (keyframe: boolean, length: number) => Buffer> = {
  vp8: vp8Frame,
  h264: h264Frame,
};

function encoded(data: Buffer, keyframe = false, temporalLayer: 0 | 1 = 0): EncodedFrame {
  return { data, keyframe, temporalLayer };
}

test('the table has every codec under its own name, with the sides that the lists give it', () => {
  for (const [name, codec] of Object.entries(CODECS)) expect(codec.name).toBe(name);
  const up = Object.values(VIDEO).filter(({ uplink }) => uplink);
  const down = Object.values(VIDEO).filter(({ downlink }) => downlink);
  expect(up.map(({ name }) => name).sort()).toEqual([...UPLINK_VIDEO_CODECS].sort());
  expect(down.map(({ name }) => name).sort()).toEqual([...COMPOSITE_CODECS].sort());
});

test.each<[CodecName, boolean, boolean]>([
  ['vp8', true, true],
  ['h264', true, true],
  ['vp9', false, true],
  ['av1', false, true],
  ['opus', false, false],
])('%s: up as video %s, composite %s', (codec, up, down) => {
  expect([isUplinkVideo(codec), isCompositeCodec(codec)]).toEqual([up, down]);
});

describe('what is packetized is assembled again', () => {
  const both = UPLINK_VIDEO_CODECS.filter(isCompositeCodec);

  test.each(
    both.flatMap((codec) => [30, MAX_PAYLOAD, 5000].map((length) => [codec, length] as const)),
  )('%s, frames of %d bytes', (codec, length) => {
    const packetizer = DOWNLINK_VIDEO[codec].downlink.createPacketizer();
    const { depacketizer, keyframeSize } = UPLINK_VIDEO[codec].uplink;
    for (let index = 0; index < 40; index++) {
      const keyframe = index % 20 === 0;
      const data = FRAMES[codec](keyframe, length + index);
      const temporalLayer = index % 2 === 1 && !keyframe ? 1 : 0;
      const payloads = packetizer.packetize(encoded(data, keyframe, temporalLayer));
      for (const payload of payloads) expect(payload.length).toBeLessThanOrEqual(MAX_PAYLOAD);
      expect(depacketizer.startsKeyframe(payloads[0] as Buffer)).toBe(keyframe);
      const size = keyframe ? { width: 1280, height: 720 } : undefined;
      expect(depacketizer.assemble(payloads)).toEqual({ data, keyframe, size });
      expect(keyframeSize(data)).toEqual(size);
    }
  });

  test.each(both)('%s: without its first packet a frame is no keyframe', (codec) => {
    const packetizer = DOWNLINK_VIDEO[codec].downlink.createPacketizer();
    const { depacketizer } = UPLINK_VIDEO[codec].uplink;
    const [, ...rest] = packetizer.packetize(encoded(FRAMES[codec](true, 5000), true));
    expect(depacketizer.startsKeyframe(rest[0] as Buffer)).toBe(false);
    expect(depacketizer.assemble(rest)?.keyframe ?? false).toBe(false);
  });

  test.each(UPLINK_VIDEO_CODECS)(
    '%s: the size of anything else is unknown, and no error',
    (codec) => {
      const { keyframeSize } = UPLINK_VIDEO[codec].uplink;
      for (const data of [Buffer.alloc(0), Buffer.from('hello'), FRAMES[codec](false, 100)]) {
        expect(keyframeSize(data)).toBeUndefined();
      }
    },
  );
});

describe('packetizers count on from frame to frame', () => {
  const frame = Buffer.alloc(20, 7);

  test('VP8: picture ids grow by one, TL0PICIDX with the base layer (RFC 7741, 4.2)', () => {
    const packetizer = DOWNLINK_VIDEO.vp8.downlink.createPacketizer();
    const heads = ([0, 1, 0, 1, 1, 0] as const).map((layer) => {
      const [payload] = packetizer.packetize(encoded(frame, false, layer));
      const { 2: high = 0, 3: low = 0, 4: base = 0, 5: tid = 0 } = payload as Buffer;
      return [((high & 0x7f) << 8) | low, base, tid >> 6];
    });
    expect(heads).toEqual([
      [1, 1, 0],
      [2, 1, 1],
      [3, 2, 0],
      [4, 2, 1],
      [5, 2, 1],
      [6, 3, 0],
    ]);
  });

  test('VP8: both wrap, the picture id after 15 bits and TL0PICIDX after 8', () => {
    const packetizer = DOWNLINK_VIDEO.vp8.downlink.createPacketizer();
    for (let index = 1; index < 0x7fff; index++) packetizer.packetize(encoded(frame));
    const next = () => packetizer.packetize(encoded(frame))[0]?.subarray(2, 5);
    expect(next()).toEqual(Buffer.from([0xff, 0xff, 0xff]));
    expect(next()).toEqual(Buffer.from([0x80, 0x00, 0x00]));
  });

  test('VP9: each frame refers to the last one of the base layer (RFC 9628, 4.2)', () => {
    const packetizer = DOWNLINK_VIDEO.vp9.downlink.createPacketizer();
    const references = (
      [
        [true, 0],
        [false, 1],
        [false, 0],
        [false, 1],
        [false, 1],
        [false, 0],
        [true, 0],
        [false, 0],
      ] as const
    ).map(([keyframe, layer]) => {
      const [payload] = packetizer.packetize(encoded(frame, keyframe, layer));
      const { 0: head = 0, 4: reference = 0 } = payload as Buffer;
      return head & 0x40 ? reference >> 1 : 0;
    });
    expect(references).toEqual([0, 1, 2, 1, 2, 3, 0, 1]);
  });

  test('AV1: only keyframes begin a coded video sequence', () => {
    const packetizer = DOWNLINK_VIDEO.av1.downlink.createPacketizer();
    // An OBU of type frame, with its size.
    const unit = Buffer.concat([Buffer.from([(6 << 3) | 2, 20]), frame]);
    const begins = [true, false, true].map((keyframe) => {
      const [payload] = packetizer.packetize(encoded(unit, keyframe));
      return ((payload?.[0] as number) & 0x08) > 0;
    });
    expect(begins).toEqual([true, false, true]);
  });

  test('two encodes do not share their numbers', () => {
    const { createPacketizer } = DOWNLINK_VIDEO.vp8.downlink;
    const [one, other] = [createPacketizer(), createPacketizer()];
    one.packetize(encoded(frame));
    const [second] = one.packetize(encoded(frame));
    const [first] = other.packetize(encoded(frame));
    expect([second?.[3], first?.[3]]).toEqual([2, 1]);
  });
});

describe('SDP: which formats can be used, and which is best', () => {
  test.each<[CodecName, FormatParameters, number | undefined]>([
    ['vp8', {}, 0],
    ['vp9', {}, 0],
    ['vp9', { 'profile-id': '0' }, 0],
    ['vp9', { 'profile-id': '2' }, undefined],
    ['av1', {}, 0],
    ['av1', { profile: '0', 'level-idx': '5', tier: '0' }, 0],
    ['av1', { profile: '1' }, undefined],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '42e01f' }, 1],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '42E01F' }, 1],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '42001f' }, 0],
    ['h264', { 'packetization-mode': '1' }, 0],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '64001f' }, undefined],
    ['h264', { 'packetization-mode': '0', 'profile-level-id': '42e01f' }, undefined],
    ['h264', { 'profile-level-id': '42e01f' }, undefined],
    ['opus', { minptime: '10' }, 0],
  ])('%s with %o: %s', (codec, parameters, rank) => {
    expect(CODECS[codec].sdp.rank(parameters)).toBe(rank);
  });

  test.each(Object.values(VIDEO))('$name: the answer repeats the parameters', ({ sdp }) => {
    expect(sdp.answerParameters('a=1;b=2', { dtx: true })).toBe('a=1;b=2');
    expect(sdp.answerParameters(undefined, { dtx: true })).toBeUndefined();
  });

  test.each(Object.values(VIDEO))(
    '$name: feedback asks for one estimate, and repairs',
    ({ sdp }) => {
      const repairs = ['ccm fir', 'nack', 'nack pli'];
      const offered = (...kinds: string[]) => sdp.answerFeedback(new Set(kinds));
      expect(offered('goog-remb', 'transport-cc')).toEqual(['transport-cc', ...repairs]);
      expect(offered('goog-remb')).toEqual(['goog-remb', ...repairs]);
      expect(offered()).toEqual(repairs);
    },
  );

  test('opus: in-band FEC always, DTX where it is wanted, feedback as offered', () => {
    const { sdp } = CODECS.opus;
    expect(sdp.answerParameters('stereo=1', { dtx: true })).toBe(
      'minptime=10;useinbandfec=1;usedtx=1',
    );
    expect(sdp.answerParameters(undefined, { dtx: false })).toMatch(/usedtx=0$/);
    expect(sdp.answerFeedback(new Set(['nack', 'goog-remb']))).toEqual(['nack']);
    expect(sdp.answerFeedback(new Set())).toEqual([]);
  });
});

describe('what containers need', () => {
  test('H.264: the parameter sets of a keyframe, of no other frame', () => {
    const sets = Buffer.concat([START_CODE, SPS, START_CODE, PPS]);
    expect(VIDEO.h264.parameterSets?.(h264Frame(true, 100))).toEqual(sets);
    expect(VIDEO.h264.parameterSets?.(h264Frame(false, 100))).toBeUndefined();
  });

  test('H.264: a sample of an MP4 file becomes Annex B', () => {
    const sample = Buffer.concat(
      [SPS, PPS].flatMap((unit) => [Buffer.from([0, 0, 0, unit.length]), unit]),
    );
    const annexB = Buffer.concat([START_CODE, SPS, START_CODE, PPS]);
    expect(VIDEO.h264.fromMp4?.(sample)).toEqual(annexB);
  });
});

/** Each codec's descriptor: it is whole, its SDP rules hold, and its packetizer and depacketizer fit. */
import { describe, expect, test } from 'vitest';
import { CODECS, DOWNLINK_VIDEO, UPLINK_VIDEO, VIDEO } from '../../../src/codecs/codecs.js';
import { NO_PICTURE } from '../../../src/codecs/depacketizer.js';
import { type EncodedFrame, MAX_PAYLOAD } from '../../../src/codecs/packetizer.js';
import {
  COMPOSITE_CODECS,
  type CodecName,
  isCompositeCodec,
  isUplinkVideo,
  UPLINK_VIDEO_CODECS,
  type VideoCodec,
} from '../../../src/protocol/codec-names.js';
import type { FormatParameters } from '../../../src/rtp/negotiated-media.js';
import { packetizeH265 } from '../../support/h265-packetizer.js';
import { fakeFrame, H264_PPS, H264_SPS } from '../../support/video-frames.js';

const START_CODE = Buffer.from([0, 0, 0, 1]);

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
  ['vp9', true, true],
  ['av1', true, true],
  ['h265', true, false],
  ['opus', false, false],
])('%s: up as video %s, composite %s', (codec, up, down) => {
  expect([isUplinkVideo(codec), isCompositeCodec(codec)]).toEqual([up, down]);
});

describe('what is packetized is assembled again', () => {
  const both = UPLINK_VIDEO_CODECS.filter(isCompositeCodec);
  const packetizerOf = (codec: VideoCodec) =>
    isCompositeCodec(codec)
      ? DOWNLINK_VIDEO[codec].downlink.createPacketizer()
      : { packetize: ({ data }: EncodedFrame) => packetizeH265(data) };

  test.each(
    UPLINK_VIDEO_CODECS.flatMap((codec) =>
      [30, MAX_PAYLOAD, 5000].map((length) => [codec, length] as const),
    ),
  )('%s, frames of %d bytes', (codec, length) => {
    const packetizer = packetizerOf(codec);
    const { createDepacketizer, keyframeSize } = UPLINK_VIDEO[codec].uplink;
    const depacketizer = createDepacketizer({});
    for (let index = 0; index < 40; index++) {
      const keyframe = index % 20 === 0;
      const data = fakeFrame(codec, keyframe, length + index);
      const temporalLayer = index % 2 === 1 && !keyframe ? 1 : 0;
      const payloads = packetizer.packetize(encoded(data, keyframe, temporalLayer));
      for (const payload of payloads) expect(payload.length).toBeLessThanOrEqual(MAX_PAYLOAD);
      expect(depacketizer.startsKeyframe(payloads[0] as Buffer)).toBe(keyframe);
      const size = keyframe ? { width: 1280, height: 720 } : undefined;
      expect(depacketizer.sizeIn(payloads[0] as Buffer)).toEqual(size);
      expect(depacketizer.assemble(payloads)).toEqual({ data, keyframe, size });
      expect(keyframeSize(data)).toEqual(size);
    }
  });

  test.each(both)('%s: without its first packet a frame is no keyframe', (codec) => {
    const packetizer = DOWNLINK_VIDEO[codec].downlink.createPacketizer();
    const depacketizer = UPLINK_VIDEO[codec].uplink.createDepacketizer({});
    const [, ...rest] = packetizer.packetize(encoded(fakeFrame(codec, true, 5000), true));
    expect(depacketizer.startsKeyframe(rest[0] as Buffer)).toBe(false);
    const frame = depacketizer.assemble(rest);
    expect(frame && frame !== NO_PICTURE && frame.keyframe).not.toBe(true);
  });

  test.each(UPLINK_VIDEO_CODECS)(
    '%s: the size of anything else is unknown, and no error',
    (codec) => {
      const { keyframeSize } = UPLINK_VIDEO[codec].uplink;
      for (const data of [Buffer.alloc(0), Buffer.from('hello'), fakeFrame(codec, false, 100)]) {
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
  test.each<[CodecName, FormatParameters, number | undefined, number | undefined]>([
    ['vp8', {}, 0, 0],
    ['vp9', {}, 0, 0],
    ['vp9', { 'profile-id': '0' }, 0, 0],
    ['vp9', { 'profile-id': '2' }, undefined, undefined],
    ['av1', {}, 0, 0],
    ['av1', { profile: '0', 'level-idx': '5', tier: '0' }, 0, 0],
    ['av1', { profile: '1' }, undefined, undefined],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '42e01f' }, 5, 5],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '42C01F' }, 5, 5],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '42001f' }, 4, 4],
    ['h264', { 'packetization-mode': '1' }, 4, 4],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '4d0028' }, 3, 3],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '64001f' }, 3, 3],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '640c1f' }, 3, 3],
    ['h264', { 'packetization-mode': '0', 'profile-level-id': '42e01f' }, 2, undefined],
    ['h264', { 'profile-level-id': '42e01f' }, 2, undefined],
    ['h264', { 'profile-level-id': '640c1f' }, 0, undefined],
    ['h264', { 'packetization-mode': '2', 'profile-level-id': '42e01f' }, undefined, undefined],
    // Extended, high 10, high 4:2:2, high 4:4:4, and one that nobody knows.
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '58001f' }, undefined, undefined],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '6e001f' }, undefined, undefined],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': '7a001f' }, undefined, undefined],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': 'f4001f' }, undefined, undefined],
    ['h264', { 'packetization-mode': '1', 'profile-level-id': 'x' }, undefined, undefined],
    ['h265', {}, 0, undefined],
    ['h265', { 'profile-id': '1', 'tx-mode': 'SRST', 'level-id': '93' }, 0, undefined],
    ['h265', { 'profile-id': '2' }, undefined, undefined],
    ['h265', { 'tx-mode': 'MRST' }, undefined, undefined],
    ['h265', { 'sprop-max-don-diff': '2' }, undefined, undefined],
    ['opus', { minptime: '10' }, 0, 0],
  ])('%s with %o: up %s, down %s', (codec, parameters, up, down) => {
    const { sdp } = CODECS[codec];
    expect([sdp.rank(parameters, 'up'), sdp.rank(parameters, 'down')]).toEqual([up, down]);
  });

  test('what describes the stream of the client is not repeated', () => {
    const h264 = 'profile-level-id=640c1f; packetization-mode=1;sprop-parameter-sets=Z0LA,aM4=';
    expect(CODECS.h264.sdp.answerParameters(h264, { dtx: true })).toBe(
      'profile-level-id=640c1f;packetization-mode=1',
    );
    const h265 = 'profile-id=1;sprop-vps=QAE=;sprop-sps=QgE=;tx-mode=SRST';
    expect(CODECS.h265.sdp.answerParameters(h265, { dtx: true })).toBe('profile-id=1;tx-mode=SRST');
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
    const sets = Buffer.concat([START_CODE, H264_SPS, START_CODE, H264_PPS]);
    expect(VIDEO.h264.parameterSets?.(fakeFrame('h264', true, 100))).toEqual(sets);
    expect(VIDEO.h264.parameterSets?.(fakeFrame('h264', false, 100))).toBeUndefined();
  });

  test('H.264: a sample of an MP4 file becomes Annex B', () => {
    const sample = Buffer.concat(
      [H264_SPS, H264_PPS].flatMap((unit) => [Buffer.from([0, 0, 0, unit.length]), unit]),
    );
    const annexB = Buffer.concat([START_CODE, H264_SPS, START_CODE, H264_PPS]);
    expect(VIDEO.h264.fromMp4?.(sample)).toEqual(annexB);
  });
});

/** Frames of 1280x720 that are right as far as headers go, in each codec that clients send. */
import { joinAnnexB } from '../../src/codecs/annex-b.js';
import { leb128 } from '../../src/codecs/leb128.js';
import type { VideoCodec } from '../../src/protocol/codec-names.js';

export const H264_SPS = Buffer.from('6742c01fda014016e9a808080a0000030002000003007930', 'hex');
export const H264_PPS = Buffer.from('68ce3c80', 'hex');

/** Bits, with spaces between them, as bytes. */
function bits(text: string): Buffer {
  const all = text.replaceAll(' ', '');
  const bytes = all.padEnd(8 * Math.ceil(all.length / 8), '0').match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}

const ue = (value: number) => {
  const binary = (value + 1).toString(2);
  return '0'.repeat(binary.length - 1) + binary;
};

/** Main profile, level 3.1, 1280x720; the rest of the set is not read. */
export const H265_SPS = Buffer.concat([
  Buffer.from([0x42, 0x01]),
  bits(
    `0000 000 1 00 0 00001 ${'0'.repeat(32)} ${'1'.repeat(48)} 01011101 ${ue(0)} ${ue(1)} ` +
      `${ue(1280)} ${ue(720)} 0 ${'1'.repeat(30)}`,
  ),
]);
export const H265_VPS = Buffer.from([0x40, 0x01, 0x0c, 0x01, 0xff]);
export const H265_PPS = Buffer.concat([Buffer.from([0x44, 0x01]), bits(`${ue(0)} ${ue(0)} 1111`)]);

/** Sequence header of 1280x720 (5.5.1): no timing, one operating point. */
const AV1_SEQUENCE = bits(
  '000 0 0 0 0 00000 000000000000 00101 1010 1001 10011111111 1011001111 1111',
);

function filled(length: number, head: readonly number[]): Buffer {
  const frame = Buffer.alloc(Math.max(length, head.length), 0x5a);
  frame.set(head);
  return frame;
}

function obu(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(type << 3) | 2]), leb128(body.length), body]);
}

const FRAMES: Record<VideoCodec, (keyframe: boolean, length: number) => Buffer> = {
  vp8: (keyframe, length) =>
    filled(length, keyframe ? [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0, 5, 0xd0, 2] : [0x11, 0, 0]),
  vp9: (keyframe, length) =>
    filled(length, keyframe ? [0x82, 0x49, 0x83, 0x42, 0x00, 0x4f, 0xf0, 0x2c, 0xf0] : [0x86]),
  av1: (keyframe, length) => {
    const frame = obu(6, filled(length, [keyframe ? 0x10 : 0x30]));
    const head = Buffer.from([0x12, 0]);
    return Buffer.concat(keyframe ? [head, obu(1, AV1_SEQUENCE), frame] : [head, frame]);
  },
  h264: (keyframe, length) => {
    // The first slice of its picture, which uses the sets with id 0.
    const slice = filled(length, keyframe ? [0x65, 0xb8] : [0x41, 0x9a]);
    return joinAnnexB(keyframe ? [H264_SPS, H264_PPS, slice] : [slice]);
  },
  h265: (keyframe, length) => {
    const slice = filled(length, keyframe ? [0x26, 0x01, 0xa0] : [0x02, 0x01, 0xd0]);
    return joinAnnexB(keyframe ? [H265_VPS, H265_SPS, H265_PPS, slice] : [slice]);
  },
};

/** @param length of its largest part, in bytes. */
export function fakeFrame(codec: VideoCodec, keyframe: boolean, length: number): Buffer {
  return FRAMES[codec](keyframe, length);
}

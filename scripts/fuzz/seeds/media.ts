/** Whole RTP packets and RTCP, from which mutated ones are made. */
import { DOWNLINK_VIDEO } from '../../../src/codecs/codecs.js';
import { quietFfmpeg } from '../../../src/codecs/ffmpeg/log.js';
import {
  isCompositeCodec,
  UPLINK_VIDEO_CODECS,
  type VideoCodec,
} from '../../../src/protocol/codec-names.js';
import {
  buildCname,
  buildNack,
  buildPli,
  buildReceiverReport,
  buildRemb,
  buildSenderReport,
  buildTransportFeedback,
} from '../../../src/rtp/rtcp.js';
import { packetizeRed } from '../../../src/send/red-packetizer.js';
import { encodeMoving } from '../../../test/support/encoded.js';
import { encodeStream } from '../../../test/support/encoder.js';
import { packetizeH265 } from '../../../test/support/h265-packetizer.js';
import type { Random } from '../random.js';

/** Payload types of {@link chromiumOffer}. Retransmissions of video have the next number. */
export const PAYLOAD_TYPES = {
  ...{ opus: 111, red: 63 },
  ...{ vp8: 96, h264: 102, vp9: 98, av1: 45, h265: 49 },
} as const satisfies Record<VideoCodec | 'opus' | 'red', number>;

const LEVEL = 1;
const ABS_SEND_TIME = 2;
const TRANSPORT = 3;
const MID = 4;
const COLOUR = 8;
const RID = 10;
const ORIENTATION = 13;

/** Frames of a moving picture as RTP payloads, by the codec. */
export type FramePayloads = Readonly<Record<VideoCodec, readonly (readonly Buffer[])[]>>;

let encoded: Promise<FramePayloads> | undefined;

export function framePayloads(): Promise<FramePayloads> {
  encoded ??= encodeAll();
  return encoded;
}

async function encodeAll(): Promise<FramePayloads> {
  quietFfmpeg();
  const all: Partial<Record<VideoCodec, Buffer[][]>> = {};
  for (const codec of UPLINK_VIDEO_CODECS) {
    if (!isCompositeCodec(codec)) {
      all[codec] = encodeH265().map(packetizeH265);
      continue;
    }
    const packetizer = DOWNLINK_VIDEO[codec].downlink.createPacketizer();
    const frames = await encodeMoving(codec, 12, 6);
    all[codec] = frames.map((data, index) =>
      packetizer.packetize({ data, keyframe: index % 6 === 0, temporalLayer: 0 }),
    );
  }
  return all as FramePayloads;
}

function encodeH265(): Buffer[] {
  const options = [
    ['tune', 'zerolatency'],
    ['x265-params', 'log-level=none'],
  ] as const;
  const size = { width: 320, height: 192, count: 12, gop: 6 };
  const frames = encodeStream({
    encoder: 'libx265',
    ...size,
    options,
    draw: (planes, _strides, n) => {
      for (const plane of planes) plane.fill(60 + n);
    },
  });
  return frames.map(({ data }) => data);
}

function extension(id: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(id << 4) | (value.length - 1)]), value]);
}

function extensionBlock(random: Random, sequence: number, mid: string): Buffer {
  const number = Buffer.from([sequence >> 8, sequence & 0xff]);
  const elements = [
    extension(MID, Buffer.from(mid)),
    extension(TRANSPORT, number),
    ...(random.chance(0.5) ? [extension(LEVEL, random.bytes(1))] : []),
    ...(random.chance(0.3) ? [extension(ABS_SEND_TIME, random.bytes(3))] : []),
    ...(random.chance(0.3) ? [extension(ORIENTATION, random.bytes(1))] : []),
    ...(random.chance(0.2) ? [extension(COLOUR, random.bytes(4))] : []),
    ...(random.chance(0.03)
      ? [extension(RID, Buffer.from(random.pick(['q', 'h', 'f', 'x'])))]
      : []),
  ];
  const body = Buffer.concat(elements);
  const padded = Buffer.alloc(Math.ceil(body.length / 4) * 4);
  body.copy(padded);
  const head = Buffer.from([0xbe, 0xde, 0, padded.length / 4]);
  return Buffer.concat([head, padded]);
}

export interface PacketFields {
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly marker: boolean;
  /** Undefined sends no header extensions. */
  readonly mid: string | undefined;
  readonly payload: Buffer;
}

/** A well-formed RTP packet. */
export function rtpPacket(random: Random, fields: PacketFields): Buffer {
  const { payloadType, sequence, timestamp, ssrc, marker, mid, payload } = fields;
  const head = Buffer.alloc(12);
  head[0] = mid === undefined ? 0x80 : 0x90;
  head[1] = (marker ? 0x80 : 0) | payloadType;
  head.writeUInt16BE(sequence & 0xffff, 2);
  head.writeUInt32BE(timestamp >>> 0, 4);
  head.writeUInt32BE(ssrc >>> 0, 8);
  const extensions = mid === undefined ? [] : [extensionBlock(random, sequence & 0xffff, mid)];
  return Buffer.concat([head, ...extensions, payload]);
}

/** Redundant audio with up to three older blocks. */
export function redPayload(random: Random, newest: Buffer): Buffer {
  const count = random.int(4);
  const older = Array.from({ length: count }, (_, index) => ({
    timestamp: index * 960,
    payload: random.bytes(random.length(200) + 1),
  }));
  return packetizeRed({ timestamp: count * 960, payload: newest }, older, PAYLOAD_TYPES.opus);
}

/** One compound of RTCP, of the kinds that clients send and some that nobody knows. */
export function rtcpCompound(random: Random, ssrc: number): Buffer {
  const parts = Array.from({ length: 1 + random.int(3) }, () => rtcpPart(random, ssrc));
  return Buffer.concat(parts);
}

function rtcpPart(random: Random, ssrc: number): Buffer {
  const any = () => random.bytes(4).readUInt32BE(0);
  switch (random.int(9)) {
    case 0: {
      const ntp = { seconds: any(), fraction: any() };
      const counts = { packetCount: any(), octetCount: any() };
      return buildSenderReport({ ssrc, ntp, rtpTimestamp: any(), ...counts });
    }
    case 1: {
      const block = {
        ssrc: any(),
        fractionLost: random.int(256),
        cumulativeLost: random.int(1000),
        highestSequence: any(),
        jitter: any(),
        lastSenderReport: any(),
        delaySinceLastSenderReport: any(),
      };
      return buildReceiverReport(ssrc, new Array(random.int(32)).fill(block));
    }
    case 2: {
      const first = random.int(65_536);
      const count = random.length(300) + 1;
      return buildNack(
        ssrc,
        any(),
        Array.from({ length: count }, (_, i) => first + i * 3),
      );
    }
    case 3:
      return buildRemb(ssrc, any(), [any(), any()]);
    case 4: {
      const body = random.bytes(8 + random.length(200));
      body.writeUInt16BE(random.int(200), 2);
      return buildTransportFeedback(ssrc, any(), body);
    }
    case 5:
      return buildPli(ssrc, any());
    case 6:
      return buildCname(ssrc, 'fuzz'.repeat(random.int(30)));
    case 7: {
      // BYE with a reason (RFC 3550, 6.6).
      const bye = Buffer.alloc(12);
      bye.set([0x81, 203, 0, 2]);
      bye.writeUInt32BE(ssrc, 4);
      bye.set([3, 98, 121, 101], 8);
      return bye;
    }
    default: {
      const words = random.int(20);
      const head = Buffer.from([0x80 | random.int(32), 192 + random.int(32), words >> 8, words]);
      return Buffer.concat([head, random.bytes(words * 4)]);
    }
  }
}

/** RTP packets of a client that sends all kinds of media, each changed by structure, by bytes, or not at all. */
import { UPLINK_VIDEO_CODECS, type VideoCodec } from '../../src/protocol/codec-names.js';
import { mutateBytes } from './mutate.js';
import type { Random } from './random.js';
import {
  type FramePayloads,
  PAYLOAD_TYPES,
  type PacketFields,
  redPayload,
  rtpPacket,
} from './seeds/media.js';

const TYPES = [...Object.values(PAYLOAD_TYPES), 0, 97, 127] as const;

interface SentStream {
  readonly ssrc: number;
  readonly mid: string;
  /** Of video; it changes from time to time. */
  codec: VideoCodec | undefined;
  sequence: number;
  timestamp: number;
  /** Of the retransmissions, which have an SSRC of their own. */
  repairs: number;
}

/** A microphone, a camera and a screen, as {@link chromiumOffer} has them. */
function streams(screenMid: string): SentStream[] {
  const rest = { sequence: 100, timestamp: 1000, repairs: 1 };
  return [
    { ssrc: 1001, mid: '0', codec: undefined, ...rest },
    { ssrc: 1501, mid: '1', codec: 'vp8', ...rest },
    { ssrc: 2001, mid: screenMid, codec: 'h264', ...rest },
  ];
}

/** Makes packets in sequence, so that most of them come through to the depacketizers. */
export class RtpInputs {
  private readonly streams: readonly SentStream[];

  /** @param screenMid of the m-line that the screen is sent on. */
  constructor(
    private readonly frames: FramePayloads,
    screenMid = '3',
  ) {
    this.streams = streams(screenMid);
  }

  /** The packets of one frame, or a single packet. */
  next(random: Random): Buffer[] {
    const stream = random.pick(this.streams);
    stream.timestamp += random.chance(0.98) ? 3000 : random.int(2 ** 32);
    if (!stream.codec) return [this.audio(random, stream)];
    if (random.chance(0.02)) stream.codec = random.pick(UPLINK_VIDEO_CODECS);
    return this.video(random, stream, stream.codec);
  }

  private audio(random: Random, stream: SentStream): Buffer {
    const opus = random.bytes(1 + random.length(300));
    const isRed = random.chance(0.6);
    const payload = isRed ? redPayload(random, opus) : opus;
    const payloadType = isRed ? PAYLOAD_TYPES.red : PAYLOAD_TYPES.opus;
    const changed = random.chance(0.5) ? mutateBytes(random, payload) : payload;
    return this.packet(random, stream, { payloadType, payload: changed, marker: false });
  }

  private video(random: Random, stream: SentStream, codec: VideoCodec): Buffer[] {
    const payloads = [...random.pick(this.frames[codec])];
    if (random.chance(0.6)) {
      const at = random.int(payloads.length);
      payloads[at] = mutateBytes(random, payloads[at] as Buffer);
    }
    if (payloads.length > 1 && random.chance(0.05)) payloads.splice(random.int(payloads.length), 1);
    if (random.chance(0.02)) payloads.reverse();
    const isRepair = random.chance(0.1);
    const payloadType = PAYLOAD_TYPES[codec] + (isRepair ? 1 : 0);
    return payloads.map((payload, index) => {
      const marker = index === payloads.length - 1;
      if (!isRepair) return this.packet(random, stream, { payloadType, payload, marker });
      const lost = (stream.sequence - random.int(8)) & 0xffff;
      const original = Buffer.from([lost >> 8, lost & 0xff]);
      const repeated = Buffer.concat([original, payload]);
      return this.repair(random, stream, { payloadType, payload: repeated, marker });
    });
  }

  private packet(random: Random, stream: SentStream, sent: Sent): Buffer {
    stream.sequence = (stream.sequence + (random.chance(0.98) ? 1 : random.int(70))) & 0xffff;
    return changed(random, stream, { ...stream, ...sent });
  }

  private repair(random: Random, stream: SentStream, sent: Sent): Buffer {
    stream.repairs = (stream.repairs + 1) & 0xffff;
    const { ssrc, repairs: sequence } = stream;
    return changed(random, stream, { ...stream, ...sent, ssrc: ssrc + 1, sequence });
  }
}

type Sent = Pick<PacketFields, 'payloadType' | 'payload' | 'marker'>;

/** The packet, in one of five with a fault in its header, its extensions or its padding. */
function changed(random: Random, { mid }: SentStream, fields: PacketFields): Buffer {
  const packet = rtpPacket(random, {
    ...fields,
    payloadType: random.chance(0.98) ? fields.payloadType : random.pick(TYPES),
    mid: random.chance(0.95) ? mid : random.pick([undefined, '9', 'x']),
  });
  if (random.chance(0.04)) return withPadding(random, packet);
  if (random.chance(0.12)) return withChangedExtensions(random, packet);
  return random.chance(0.04) ? mutateBytes(random, packet) : packet;
}

/** Sequence number and SSRC stay: SRTP would refuse what follows. */
function withChangedExtensions(random: Random, packet: Buffer): Buffer {
  const rest = mutateBytes(random, packet.subarray(12));
  return Buffer.concat([packet.subarray(0, 12), rest]);
}

/** Padding that is right, too long, or nothing else but padding. */
function withPadding(random: Random, packet: Buffer): Buffer {
  const length = random.pick([0, 1, 4, 255, packet.length]);
  const padded = Buffer.concat([packet, Buffer.alloc(random.int(5)), Buffer.from([length & 0xff])]);
  padded[0] = (padded[0] as number) | 0x20;
  return padded;
}

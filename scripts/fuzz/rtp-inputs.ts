/** RTP packets of a client that sends all kinds of media, each changed by structure, by bytes, or not at all. */
import { mutateBytes } from './mutate.js';
import type { Random } from './random.js';
import { type FramePayloads, PAYLOAD_TYPES, redPayload, rtpPacket } from './seeds/media.js';

/** SSRCs of the streams: microphone, camera and screen, each with its repairs. */
const SSRCS = [1001, 1501, 2001, 2002, 3001] as const;
const TYPES = [...Object.values(PAYLOAD_TYPES), 0, 45, 98, 127] as const;

/** Makes packets in sequence, so that most of them come through to the depacketizers. */
export class RtpInputs {
  private sequence = 100;
  private timestamp = 1000;

  /** @param ssrcs in place of those of the offer that the fuzzer makes itself. */
  constructor(
    private readonly frames: FramePayloads,
    private readonly ssrcs: readonly number[] = SSRCS,
  ) {}

  /** The packets of one frame, or a single packet. */
  next(random: Random): Buffer[] {
    if (random.chance(0.3)) return [this.audio(random)];
    return this.video(random);
  }

  private audio(random: Random): Buffer {
    const opus = random.bytes(1 + random.length(300));
    const isRed = random.chance(0.6);
    const payload = isRed ? redPayload(random, opus) : opus;
    return this.packet(random, {
      payloadType: isRed ? PAYLOAD_TYPES.red : PAYLOAD_TYPES.opus,
      payload: random.chance(0.5) ? mutateBytes(random, payload) : payload,
      mid: '0',
      ssrc: this.ssrcs[0] as number,
      marker: false,
    });
  }

  private video(random: Random): Buffer[] {
    const codec = random.pick(['vp8', 'h264'] as const);
    const payloads = [...random.pick(this.frames[codec])];
    if (random.chance(0.7)) {
      const at = random.int(payloads.length);
      payloads[at] = mutateBytes(random, payloads[at] as Buffer);
    }
    if (payloads.length > 1 && random.chance(0.05)) payloads.splice(random.int(payloads.length), 1);
    if (random.chance(0.02)) payloads.reverse();
    const ssrc = random.pick(this.ssrcs);
    const isRepair = random.chance(0.15);
    const { vp8, vp8Rtx, h264, h264Rtx } = PAYLOAD_TYPES;
    const [media, rtx] = codec === 'vp8' ? [vp8, vp8Rtx] : [h264, h264Rtx];
    this.timestamp += random.chance(0.95) ? 3000 : random.int(2 ** 32);
    return payloads.map((payload, index) => {
      const original = Buffer.from([this.sequence >> 8, this.sequence & 0xff]);
      return this.packet(random, {
        payloadType: isRepair ? rtx : media,
        payload: isRepair ? Buffer.concat([original, payload]) : payload,
        mid: random.chance(0.9) ? '1' : random.pick(['0', '3', '9', '']) || 'x',
        ssrc,
        marker: index === payloads.length - 1,
      });
    });
  }

  private packet(
    random: Random,
    fields: {
      readonly payloadType: number;
      readonly payload: Buffer;
      readonly mid: string;
      readonly ssrc: number;
      readonly marker: boolean;
    },
  ): Buffer {
    this.sequence = (this.sequence + (random.chance(0.95) ? 1 : random.int(70))) & 0xffff;
    const packet = rtpPacket(random, {
      ...fields,
      payloadType: random.chance(0.97) ? fields.payloadType : random.pick(TYPES),
      mid: random.chance(0.9) ? fields.mid : undefined,
      sequence: this.sequence,
      timestamp: this.timestamp,
    });
    if (random.chance(0.05)) return withPadding(random, packet);
    if (random.chance(0.2)) return mutateBytes(random, packet);
    return packet;
  }
}

/** Padding that is right, too long, or nothing else but padding. */
function withPadding(random: Random, packet: Buffer): Buffer {
  const length = random.pick([0, 1, 4, 255, packet.length]);
  const padded = Buffer.concat([packet, Buffer.alloc(random.int(5)), Buffer.from([length & 0xff])]);
  padded[0] = (padded[0] as number) | 0x20;
  return padded;
}

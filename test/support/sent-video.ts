/** A sender of one video stream for tests of receivers, on a clock of its own. */
import { DOWNLINK_VIDEO } from '../../src/codecs/codecs.js';
import type { Packetizer } from '../../src/codecs/packetizer.js';
import { isCompositeCodec, type VideoCodec } from '../../src/protocol/codec-names.js';
import type { RtpPacket } from '../../src/rtp/rtp-packet.js';
import { packetizeH265 } from './h265-packetizer.js';

export type SentPacket = Pick<RtpPacket, 'sequence' | 'timestamp' | 'marker' | 'payload'>;

/** As receivers take it. */
export function asRtp(packet: SentPacket): RtpPacket {
  const none = { mid: undefined, rid: undefined, transportSequence: undefined };
  const rest = { absSendTime: undefined, audioLevel: undefined, rotation: undefined };
  const head = { bytes: Buffer.alloc(0), payloadType: 96, ssrc: 1, headerLength: 12 };
  return { ...head, ...none, ...rest, colourSpace: undefined, ...packet };
}

export class SentVideo {
  private readonly packetizer: Packetizer;
  private frames = 0;

  constructor(
    codec: VideoCodec,
    private readonly frameRate = 30,
    private sequence = 65_500,
  ) {
    this.packetizer = isCompositeCodec(codec)
      ? DOWNLINK_VIDEO[codec].downlink.createPacketizer()
      : { packetize: ({ data }) => packetizeH265(data) };
  }

  /** The packets of the next frame. */
  frame(data: Buffer, keyframe: boolean): SentPacket[] {
    const timestamp = Math.round((this.frames++ * 90_000) / this.frameRate);
    const payloads = this.packetizer.packetize({ data, keyframe, temporalLayer: 0 });
    return this.packets(payloads, timestamp);
  }

  /** Payloads with one timestamp; the last has the marker, or those that `isMarked`. */
  packets(
    payloads: readonly Buffer[],
    timestamp: number,
    isMarked = (index: number) => index === payloads.length - 1,
  ): SentPacket[] {
    return payloads.map((payload, index) => ({
      sequence: this.sequence++ & 0xffff,
      timestamp: timestamp >>> 0,
      marker: isMarked(index),
      payload,
    }));
  }
}

/**
 * The packets of one participant's output: an audio and a video stream over one pacer and one
 * bandwidth estimate, and the participant's feedback on them.
 */

import { type CompositeCodec, isCompositeCodec } from '../protocol/codec-names.js';
import type { LocalStreams, NegotiatedMedia } from '../rtp/negotiated-media.js';
import type { RtcpPacket } from '../rtp/rtcp.js';
import { BandwidthEstimator } from '../send/bandwidth-estimator.js';
import { OutboundStream } from '../send/outbound-stream.js';
import { PacedSender, type PacketSink } from '../send/paced-sender.js';
import { AUDIO_CLOCK_RATE, type Micros, VIDEO_CLOCK_RATE } from '../util/units.js';
import type { SentCounters, StreamsSnapshot } from './room-counters.js';

const MIN_ESTIMATE_BPS = 30_000;

export class OutputStreams {
  /** Undefined if the participant did not ask for audio. */
  readonly audio: OutboundStream | undefined;
  /** Undefined if the participant did not ask for video in a codec of the composite. */
  readonly video: OutboundStream | undefined;
  readonly videoCodec: CompositeCodec | undefined;
  readonly estimator: BandwidthEstimator;
  readonly sender: PacedSender;

  /** @param bestBps bitrate of the best rendition. */
  constructor(
    { sections, extensions }: NegotiatedMedia,
    private readonly local: LocalStreams,
    bestBps: number,
    sink: PacketSink,
  ) {
    this.estimator = new BandwidthEstimator({
      startBps: bestBps * 1.2,
      minBps: MIN_ESTIMATE_BPS,
      maxBps: bestBps * 2,
    });
    this.sender = new PacedSender(sink, this.estimator, extensions.transportSequence);
    const { cname } = local;
    const formatOf = (kind: 'audio' | 'video') =>
      sections.find(({ mix }) => mix?.kind === kind)?.mix?.format;
    const audio = formatOf('audio');
    const video = formatOf('video');
    if (audio) {
      const { payloadType, redPayloadType } = audio;
      const base = { clockRate: AUDIO_CLOCK_RATE, cname, rtx: undefined } as const;
      this.audio = new OutboundStream(
        { ...base, ssrc: local.audioSsrc, payloadType, redPayloadType },
        this.sender,
      );
    }
    const codec = video?.codec;
    if (video && codec && isCompositeCodec(codec)) {
      const { payloadType, rtxPayloadType } = video;
      const rtx =
        rtxPayloadType === undefined
          ? undefined
          : { ssrc: local.videoRtxSsrc, payloadType: rtxPayloadType };
      const base = { clockRate: VIDEO_CLOCK_RATE, cname, rtx } as const;
      this.video = new OutboundStream({ ...base, ssrc: local.videoSsrc, payloadType }, this.sender);
      this.videoCodec = codec;
    }
  }

  /** From the participant's reports; 0 if unknown. */
  get roundTripMicros(): Micros {
    return this.video?.roundTripMicros || this.audio?.roundTripMicros || 0;
  }

  /** Drops the packets that wait, and does not repeat those that were lost. */
  drop(): void {
    this.sender.clear();
    this.video?.forget();
  }

  /**
   * Takes feedback on what was sent, by the SSRC that it is about.
   * @returns whether the participant asks for a keyframe.
   */
  rtcp(packet: RtcpPacket, now: Micros): boolean {
    const { audioSsrc, videoSsrc } = this.local;
    switch (packet.type) {
      case 'nack':
        if (packet.mediaSsrc === videoSsrc) this.video?.retransmit(packet.sequences, now);
        if (packet.mediaSsrc === audioSsrc) this.audio?.retransmit(packet.sequences, now);
        return false;
      case 'sender-report':
      case 'receiver-report':
        for (const block of packet.blocks) {
          if (block.ssrc === audioSsrc) this.audio?.receiverReport(block, now);
          if (block.ssrc === videoSsrc) this.video?.receiverReport(block, now);
        }
        return false;
      case 'transport-feedback':
        this.transportFeedback(packet.body, now);
        return false;
      case 'remb':
        this.estimator.remb(packet.bitrateBps);
        return false;
      case 'pli':
        return packet.mediaSsrc === videoSsrc;
      case 'fir':
        return packet.mediaSsrcs.includes(videoSsrc);
      default:
        return false;
    }
  }

  /** Packets sent, by kind. */
  get sent(): SentCounters {
    const { audio, video } = this;
    return {
      audio_packets_sent: audio?.counters.packets_sent ?? 0,
      video_packets_sent: video?.counters.packets_sent ?? 0,
      video_packets_retransmitted: video?.counters.packets_retransmitted ?? 0,
    };
  }

  /** The counters of its parts, as they are in use. */
  liveCounters(): readonly Partial<StreamsSnapshot>[] {
    return [this.sender.counters, this.estimator.counters];
  }

  snapshot(): StreamsSnapshot {
    return {
      ...this.sender.snapshot(),
      ...this.estimator.snapshot(),
      ...this.sent,
      bandwidth_estimate_bps: Math.round(this.estimator.bitrateBps),
      round_trip_micros: this.roundTripMicros,
    };
  }

  private transportFeedback(body: Buffer, now: Micros): void {
    for (const { ssrc, sequence } of this.estimator.feedback(body, this.roundTripMicros, now)) {
      this.video?.lost(ssrc, sequence, now);
    }
  }
}

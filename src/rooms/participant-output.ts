import type { Rendition, VideoOutFrame, WatchedVideo } from '../link/link-messages.js';
import { BandwidthEstimator } from '../send/bandwidth-estimator.js';
import { OutboundStream } from '../send/outbound-stream.js';
import { PacedSender, type PacketSink } from '../send/paced-sender.js';
import { RenditionSelector } from '../send/rendition-selector.js';
import { ByteRate } from '../shared/byte-rate.js';
import type { LocalStreams, NegotiatedMedia } from '../shared/negotiated-media.js';
import type { RtcpPacket } from '../shared/rtcp.js';
import {
  AUDIO_CLOCK_RATE,
  type Micros,
  VIDEO_CLOCK_RATE,
  type VideoCodec,
} from '../shared/units.js';

const MIN_ESTIMATE_BPS = 30_000;
const SELECT_INTERVAL: Micros = 50_000;
const OFFERED_WINDOW: Micros = 1_000_000;
const PROBE_DURATION: Micros = 100_000;

export interface ParticipantOutputEvents {
  /** Other renditions are watched than before. */
  onWatchedChanged(): void;
  requestKeyframe(video: WatchedVideo): void;
}

/** What one participant receives: the composite and a mix, each on one stream. */
export class ParticipantOutput {
  readonly audio: OutboundStream | undefined;
  readonly videoCodec: VideoCodec | undefined;
  private readonly video: OutboundStream | undefined;
  private readonly estimator: BandwidthEstimator;
  private readonly sender: PacedSender;
  private readonly selector: RenditionSelector;
  /** The rendition being sent; undefined before its first keyframe: a decoder could not use it. */
  private sending: number | undefined;
  private readonly offeredVideo = new ByteRate(OFFERED_WINDOW);
  private selectedAt: Micros = 0;
  private probe: { until: Micros; bitrateBps: number; paidUntil: Micros } | undefined;
  private readonly counters = { rendition_switches: 0, video_frames_not_sent: 0 };

  constructor(
    { sections, extensions }: NegotiatedMedia,
    private readonly streams: LocalStreams,
    private readonly renditions: readonly Rendition[],
    sink: PacketSink,
    private readonly events: ParticipantOutputEvents,
  ) {
    const best = renditions[0]?.bitrateBps ?? 0;
    this.estimator = new BandwidthEstimator({
      startBps: best * 1.2,
      minBps: MIN_ESTIMATE_BPS,
      maxBps: best * 2,
    });
    this.selector = new RenditionSelector(renditions.map(({ bitrateBps }) => bitrateBps));
    this.sender = new PacedSender(sink, this.estimator, extensions.transportSequence);
    const { cname } = streams;
    const audio = sections.find(({ use }) => use === 'mix-audio')?.formats[0];
    const video = sections.find(({ use }) => use === 'mix-video')?.formats[0];
    if (audio) {
      const { payloadType, redPayloadType } = audio;
      const base = { clockRate: AUDIO_CLOCK_RATE, cname, rtx: undefined } as const;
      this.audio = new OutboundStream(
        { ...base, ssrc: streams.audioSsrc, payloadType, redPayloadType },
        this.sender,
      );
    }
    if (video && video.codec !== 'opus') {
      const { payloadType, rtxPayloadType } = video;
      const rtx =
        rtxPayloadType === undefined
          ? undefined
          : { ssrc: streams.videoRtxSsrc, payloadType: rtxPayloadType };
      const base = { clockRate: VIDEO_CLOCK_RATE, cname, rtx } as const;
      this.video = new OutboundStream(
        { ...base, ssrc: streams.videoSsrc, payloadType },
        this.sender,
      );
      this.videoCodec = video.codec;
    }
  }

  /** The encodes that this client needs: the one it gets, and the one it is to get next. */
  get watched(): WatchedVideo[] {
    const { videoCodec: codec } = this;
    if (!codec) return [];
    const wanted = this.selector.wanted;
    return [...new Set([this.sending ?? wanted, wanted])]
      .filter((rendition) => rendition < this.renditions.length)
      .map((rendition) => ({ codec, rendition }));
  }

  /** RTP timestamp that the picture of a moment has here. */
  videoTimestampOf(ptsMicros: Micros): number | undefined {
    return this.video?.timestampOf(ptsMicros);
  }

  sendVideo(payloads: readonly Buffer[], frame: VideoOutFrame, now: Micros): void {
    const { wanted } = this.selector;
    if (frame.rendition === wanted && frame.keyframe && this.sending !== wanted) {
      this.sending = wanted;
      this.events.onWatchedChanged();
    }
    if (frame.rendition !== this.sending) return;
    if (this.sender.overflows) {
      this.dropWaiting();
      this.counters.video_frames_not_sent++;
      this.restartVideo();
      return;
    }
    this.offeredVideo.add(frame.data.length, now);
    this.video?.sendFrame(payloads, frame.ptsMicros, now);
  }

  sendAudio(data: Buffer, ptsMicros: Micros, now: Micros): void {
    const room = this.sender.isCongested(now)
      ? this.estimator.bitrateBps - (this.offeredVideo.bps(now) ?? 0)
      : Number.POSITIVE_INFINITY;
    this.audio?.sendAudio(data, ptsMicros, now, room);
  }

  /** Called every few milliseconds. */
  tick(now: Micros): void {
    this.sender.tick(now);
    if (this.probe) this.pad(this.probe, now);
    if (!this.video || now - this.selectedAt < SELECT_INTERVAL) return;
    this.selectedAt = now;
    const changed = this.selector.update(
      {
        estimateBps: this.estimator.bitrateBps,
        offeredBps: (this.offeredVideo.bps(now) ?? 0) + (this.audio?.audioBitrateBps ?? 0),
        queueMicros: this.sender.queueMicros,
      },
      now,
    );
    if (changed) this.switchRendition();
    const probeBps = this.probe
      ? undefined
      : this.selector.probeDue(this.estimator.bitrateBps, now);
    if (probeBps !== undefined) {
      this.estimator.startProbe(probeBps);
      this.probe = { until: now + PROBE_DURATION, bitrateBps: probeBps, paidUntil: now };
    }
  }

  /** Feedback on what we send, by the SSRC it is about. */
  rtcp(packet: RtcpPacket, now: Micros): void {
    const { audioSsrc, videoSsrc } = this.streams;
    switch (packet.type) {
      case 'nack':
        if (packet.mediaSsrc === videoSsrc) this.video?.retransmit(packet.sequences, now);
        if (packet.mediaSsrc === audioSsrc) this.audio?.retransmit(packet.sequences, now);
        break;
      case 'sender-report':
      case 'receiver-report':
        for (const block of packet.blocks) {
          if (block.ssrc === audioSsrc) this.audio?.receiverReport(block, now);
          if (block.ssrc === videoSsrc) this.video?.receiverReport(block, now);
        }
        break;
      case 'transport-feedback':
        for (const { ssrc, sequence } of this.estimator.feedback(
          packet.body,
          this.roundTripMicros,
          now,
        )) {
          this.video?.lost(ssrc, sequence, now);
        }
        break;
      case 'remb':
        this.estimator.remb(packet.bitrateBps);
        break;
      case 'pli':
        if (packet.mediaSsrc === videoSsrc) this.askKeyframe();
        break;
      case 'fir':
        if (packet.mediaSsrcs.includes(videoSsrc)) this.askKeyframe();
        break;
      default:
        break;
    }
  }

  /** From the receiver's reports; 0 if unknown. */
  get roundTripMicros(): Micros {
    return this.video?.roundTripMicros || this.audio?.roundTripMicros || 0;
  }

  counts(): Record<string, number> {
    return {
      ...this.counters,
      ...this.sender.counters,
      ...this.estimator.counters,
      audio_packets_sent: this.audio?.counters.packets_sent ?? 0,
      video_packets_sent: this.video?.counters.packets_sent ?? 0,
      video_packets_retransmitted: this.video?.counters.packets_retransmitted ?? 0,
      video_rendition: this.sending ?? -1,
      bandwidth_estimate_bps: Math.round(this.estimator.bitrateBps),
      round_trip_micros: this.roundTripMicros,
    };
  }

  private askKeyframe(): void {
    const { videoCodec: codec, sending: rendition } = this;
    if (codec && rendition !== undefined) this.events.requestKeyframe({ codec, rendition });
  }

  private dropWaiting(): void {
    this.sender.clear();
    this.video?.forget();
  }

  /** More was made than could leave: nothing more of the picture until a keyframe. */
  private restartVideo(): void {
    const { videoCodec: codec } = this;
    const { wanted: rendition } = this.selector;
    this.sending = undefined;
    if (codec && rendition < this.renditions.length) {
      this.events.requestKeyframe({ codec, rendition });
    }
  }

  private switchRendition(): void {
    const { wanted } = this.selector;
    this.counters.rendition_switches++;
    // Downward at once: what waits would only fill the queue that is full. Upward when it comes.
    if (this.sending !== undefined && wanted > this.sending) {
      this.dropWaiting();
      this.sending = undefined;
    }
    this.events.onWatchedChanged();
    if (this.sending !== wanted && wanted < this.renditions.length && this.videoCodec) {
      this.events.requestKeyframe({ codec: this.videoCodec, rendition: wanted });
    }
  }

  /** Fills what is sent up to the probe's rate. */
  private pad(probe: { until: Micros; bitrateBps: number; paidUntil: Micros }, now: Micros): void {
    let owed = (probe.bitrateBps * (now - probe.paidUntil)) / 8_000_000;
    while (owed > 0) {
      const bytes = this.video?.pad(now) ?? 0;
      if (bytes === 0) break;
      owed -= bytes;
    }
    probe.paidUntil = now - (owed * 8_000_000) / probe.bitrateBps;
    if (now < probe.until) return;
    this.probe = undefined;
    this.estimator.endProbe(now);
  }
}

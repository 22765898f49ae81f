import type {
  AudioOutFrame,
  MixSettings,
  SourceId,
  VideoOutFrame,
  WatchedVideo,
} from '../link/link-messages.js';
import { type CompositeCodec, isCompositeCodec } from '../protocol/codec-names.js';
import type { LocalStreams, NegotiatedMedia } from '../rtp/negotiated-media.js';
import type { RtcpPacket } from '../rtp/rtcp.js';
import { BandwidthEstimator } from '../send/bandwidth-estimator.js';
import { OutboundStream } from '../send/outbound-stream.js';
import { PacedSender, type PacketSink } from '../send/paced-sender.js';
import { RenditionSelector } from '../send/rendition-selector.js';
import { ByteRate } from '../util/byte-rate.js';
import { AUDIO_CLOCK_RATE, type Micros, VIDEO_CLOCK_RATE } from '../util/units.js';
import type { FramePackets, MediaOutput, OutputDemand } from './media-output.js';
import { bestStep, type ReceiveLimits } from './receive-limits.js';
import { type OutputStep, outputSteps } from './renditions.js';

const MIN_ESTIMATE_BPS = 30_000;
const SELECT_INTERVAL: Micros = 50_000;
const OFFERED_WINDOW: Micros = 1_000_000;
const PROBE_DURATION: Micros = 100_000;
/** At little bitrate a probe takes longer: there is nothing to be learnt from a single packet. */
const PROBE_BITS = 20_000;
/** A still may wait so long: the next comes when it has left. */
const STILL_QUEUE: Micros = 1_500_000;
/** A receiver that changes what it gets more often than this waits for its keyframes like all others. */
const URGENT_INTERVAL: Micros = 2_000_000;
/** Room that the path must have for the sound at its full bitrate, over that. */
const FULL_AUDIO_MARGIN = 2;
/** Of 20 ms, and of 60 ms at the low bitrate. */
const AUDIO_FRAME: Micros = 20_000;
const LOW_AUDIO_FRAME: Micros = 60_000;

export interface ParticipantOutputEvents {
  /** It demands something else of the composite than before. */
  onDemandChanged(): void;
  /** @param urgent there is no picture yet. */
  requestKeyframe(video: WatchedVideo, urgent: boolean): void;
  /** Another rendition is sent than before; undefined is sound alone. */
  onRendition(rendition: number | undefined): void;
  /** It broke and receives nothing more. */
  onFault(error: unknown): void;
}

/** What one participant receives: the composite and a mix, each on one stream. */
export class ParticipantOutput implements MediaOutput {
  readonly audio: OutboundStream | undefined;
  readonly videoCodec: CompositeCodec | undefined;
  private readonly video: OutboundStream | undefined;
  private readonly estimator: BandwidthEstimator;
  private readonly sender: PacedSender;
  private readonly steps: readonly OutputStep[];
  private readonly selector: RenditionSelector;
  /** The rendition being sent; undefined before its first keyframe: a decoder could not use it. */
  private sending: number | undefined;
  /** What the client knows that it gets. */
  private told: number | undefined | null = null;
  private lowAudioAsked = false;
  private sendingLowAudio = false;
  private urgentAt = Number.NEGATIVE_INFINITY;
  private readonly offeredVideo = new ByteRate(OFFERED_WINDOW);
  private selectedAt: Micros = 0;
  private probe: { until: Micros; bitrateBps: number; paidUntil: Micros } | undefined;
  private readonly counters = { rendition_switches: 0, video_frames_not_sent: 0 };

  constructor(
    readonly name: string,
    /** Source of the participant: they do not hear themselves. */
    private readonly ownSource: SourceId,
    { sections, extensions }: NegotiatedMedia,
    private readonly streams: LocalStreams,
    private readonly settings: MixSettings,
    sink: PacketSink,
    private readonly events: ParticipantOutputEvents,
  ) {
    const best = settings.renditions[0]?.bitrateBps ?? 0;
    this.estimator = new BandwidthEstimator({
      startBps: best * 1.2,
      minBps: MIN_ESTIMATE_BPS,
      maxBps: best * 2,
    });
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
    const codec = video?.codec;
    if (video && codec && isCompositeCodec(codec)) {
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
      this.videoCodec = codec;
    }
    this.steps = outputSteps(settings, this.videoCodec);
    this.selector = new RenditionSelector(this.steps.map(({ needBps }) => needBps));
  }

  get demand(): OutputDemand {
    return {
      videos: this.watched,
      audio: this.audio !== undefined,
      mix: this.ownSource,
      lowAudio: this.usesLowAudio,
      sources: false,
    };
  }

  onFault(error: unknown): void {
    this.events.onFault(error);
  }

  /** The encodes that this client needs: the one it gets, and the one it gets next. */
  get watched(): WatchedVideo[] {
    const { videoCodec: codec } = this;
    if (!codec) return [];
    const { rendition: wanted } = this.step;
    return [...new Set([this.sending ?? wanted, wanted])]
      .filter((rendition) => rendition !== undefined)
      .map((rendition) => ({ codec, rendition }));
  }

  /** Whether it gets the audio at the low bitrate, or waits for it. */
  private get usesLowAudio(): boolean {
    return this.audio !== undefined && (this.sendingLowAudio || this.wantsLowAudio);
  }

  /** On steps that have it, unless the path takes far more: then the step was chosen. */
  private get wantsLowAudio(): boolean {
    const { lowAudio, needBps } = this.step;
    if (!lowAudio) return false;
    const margin = this.sendingLowAudio ? 2 * FULL_AUDIO_MARGIN : FULL_AUDIO_MARGIN;
    return this.estimator.bitrateBps < needBps + margin * this.settings.audioBitrateBps;
  }

  private get step(): OutputStep {
    return this.steps[this.selector.wanted] as OutputStep;
  }

  /**
   * It has no use for more; its path may make it less.
   * @param sparesBest the best rendition is not to be had.
   */
  limit(limits: ReceiveLimits, now: Micros, sparesBest = false): void {
    const wanted = bestStep(limits, this.settings, this.steps);
    const least = sparesBest ? this.steps.findIndex(({ rendition }) => rendition === 1) : 0;
    const best = Math.max(wanted, least);
    if (this.selector.limit(best, this.estimator.bitrateBps, now)) this.switchRendition(now);
  }

  /** RTP timestamp that the picture of a moment has here. */
  videoTimestampOf(ptsMicros: Micros): number | undefined {
    return this.video?.timestampOf(ptsMicros);
  }

  onVideo(frame: VideoOutFrame, packets: FramePackets, now: Micros): void {
    const { rendition: wanted, temporalLayer } = this.step;
    if (frame.rendition === wanted && frame.keyframe && this.sending !== wanted) {
      this.sending = wanted;
      this.tellRendition(wanted);
      this.events.onDemandChanged();
    }
    if (frame.rendition !== this.sending) return;
    if (frame.rendition === wanted && frame.temporalLayer > temporalLayer) return;
    if (this.sender.overflows) {
      this.dropWaiting();
      this.counters.video_frames_not_sent++;
      this.restartVideo();
      return;
    }
    this.offeredVideo.add(frame.data.length, now);
    this.video?.sendFrame(packets.payloads, frame.ptsMicros, now);
  }

  /** A frame of this client's mix; it goes over to the other bitrate where both begin a packet. */
  onAudio({ data, ptsMicros, low, lowBegins }: AudioOutFrame, now: Micros): void {
    if (lowBegins && this.sendingLowAudio !== this.wantsLowAudio) {
      this.sendingLowAudio = this.wantsLowAudio;
      this.events.onDemandChanged();
    }
    if (low !== this.sendingLowAudio) return;
    // On little, redundancy would be what fills the queue.
    const availableBps =
      low || this.sender.isCongested(now)
        ? this.estimator.bitrateBps - (this.offeredVideo.bps(now) ?? 0)
        : Number.POSITIVE_INFINITY;
    const frameDuration = low ? LOW_AUDIO_FRAME : AUDIO_FRAME;
    this.audio?.sendAudio(data, ptsMicros, now, { frameDuration, availableBps });
  }

  /** Called every few milliseconds. */
  tick(now: Micros): void {
    this.sender.tick(now);
    if (this.probe) this.pad(this.probe, now);
    if (now - this.selectedAt < SELECT_INTERVAL) return;
    this.selectedAt = now;
    if (this.video) this.select(now);
    if (this.wantsLowAudio === this.lowAudioAsked) return;
    this.lowAudioAsked = this.wantsLowAudio;
    this.events.onDemandChanged();
  }

  private select(now: Micros): void {
    const changed = this.selector.update(
      {
        estimateBps: this.estimator.bitrateBps,
        offeredBps: (this.offeredVideo.bps(now) ?? 0) + (this.audio?.audioBitrateBps ?? 0),
        queueMicros: Math.max(0, this.sender.queueMicros - this.queueAllowed),
      },
      now,
    );
    if (changed) this.switchRendition(now);
    const probeBps = this.probe
      ? undefined
      : this.selector.probeDue(this.estimator.bitrateBps, now);
    if (probeBps !== undefined) {
      this.estimator.startProbe(probeBps);
      const duration = Math.max(PROBE_DURATION, (PROBE_BITS * 1_000_000) / probeBps);
      this.probe = { until: now + duration, bitrateBps: probeBps, paidUntil: now };
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

  /** How long what waits would take to leave. */
  get queueMicros(): Micros {
    return this.sender.queueMicros;
  }

  /** What the path is thought to take. */
  get estimateBps(): number {
    return this.estimator.bitrateBps;
  }

  /** From the receiver's reports; 0 if unknown. */
  get roundTripMicros(): Micros {
    return this.video?.roundTripMicros || this.audio?.roundTripMicros || 0;
  }

  counts(): Record<string, number> {
    return {
      ...this.counters,
      ...this.sender.snapshot(),
      ...this.estimator.snapshot(),
      audio_packets_sent: this.audio?.snapshot().packets_sent ?? 0,
      video_packets_sent: this.video?.snapshot().packets_sent ?? 0,
      video_packets_retransmitted: this.video?.snapshot().packets_retransmitted ?? 0,
      video_rendition: this.sending ?? -1,
      video_temporal_layer: this.sending === undefined ? -1 : this.step.temporalLayer,
      audio_low_rate: this.sendingLowAudio ? 1 : 0,
      bandwidth_estimate_bps: Math.round(this.estimator.bitrateBps),
      round_trip_micros: this.roundTripMicros,
    };
  }

  /** Of a slide show. */
  private get queueAllowed(): Micros {
    const { rendition } = this.step;
    return rendition !== undefined && this.settings.renditions[rendition]?.stills ? STILL_QUEUE : 0;
  }

  private askKeyframe(): void {
    const { videoCodec: codec, sending: rendition } = this;
    if (codec && rendition !== undefined) this.events.requestKeyframe({ codec, rendition }, false);
  }

  private tellRendition(rendition: number | undefined): void {
    if (this.told === rendition) return;
    this.told = rendition;
    this.events.onRendition(rendition);
  }

  private dropWaiting(): void {
    this.sender.clear();
    this.video?.forget();
  }

  /** More was made than could leave: nothing more of the picture until a keyframe. */
  private restartVideo(): void {
    const { videoCodec: codec } = this;
    const { rendition } = this.step;
    this.sending = undefined;
    if (codec && rendition !== undefined) this.events.requestKeyframe({ codec, rendition }, false);
  }

  private switchRendition(now: Micros): void {
    const { rendition: wanted } = this.step;
    if (this.sending !== wanted) this.counters.rendition_switches++;
    // Downward at once: what waits would only fill the queue that is full. Upward when it comes.
    const isDown =
      this.sending !== undefined && (wanted ?? this.settings.renditions.length) > this.sending;
    if (isDown) {
      this.dropWaiting();
      this.sending = undefined;
    }
    this.events.onDemandChanged();
    if (wanted === undefined) this.tellRendition(undefined);
    if (this.sending === wanted || wanted === undefined || !this.videoCodec) return;
    const urgent = this.sending === undefined && now - this.urgentAt > URGENT_INTERVAL;
    if (urgent) this.urgentAt = now;
    this.events.requestKeyframe({ codec: this.videoCodec, rendition: wanted }, urgent);
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

/**
 * What one participant receives: the composite and a mix. `RenditionControl` and `AudioRateControl`
 * decide which frames are sent; `OutputStreams` makes packets of them; `BandwidthProber` finds out
 * whether the path would take more.
 */

import type {
  AudioOutFrame,
  MixSettings,
  SourceId,
  VideoOutFrame,
  WatchedVideo,
} from '../link/link-messages.js';
import type { LocalStreams, NegotiatedMedia } from '../rtp/negotiated-media.js';
import type { RtcpPacket } from '../rtp/rtcp.js';
import type { PacketSink } from '../send/paced-sender.js';
import { ByteRate } from '../util/byte-rate.js';
import type { Micros, RtpTicks } from '../util/units.js';
import { AudioRateControl } from './audio-rate-control.js';
import { BandwidthProber } from './bandwidth-prober.js';
import type { FramePackets, MediaOutput, OutputDemand } from './media-output.js';
import { OutputStreams } from './output-streams.js';
import type { ReceiveLimits } from './receive-limits.js';
import { RenditionControl } from './rendition-control.js';
import type { OutputSnapshot, SentCounters } from './room-counters.js';

const SELECT_INTERVAL: Micros = 50_000;
const OFFERED_WINDOW: Micros = 1_000_000;
/** A still of a slide show may wait this long: the next one comes when it has left. */
const STILL_QUEUE: Micros = 1_500_000;
/** Duration of a packet of the full bitrate, and of the low one. */
const AUDIO_FRAME: Micros = 20_000;
const LOW_AUDIO_FRAME: Micros = 60_000;

export interface ParticipantOutputOptions {
  /** For the log. */
  readonly name: string;
  /** Source of the participant: they do not hear themselves. */
  readonly ownSource: SourceId;
  readonly media: NegotiatedMedia;
  readonly streams: LocalStreams;
  readonly mix: MixSettings;
  /** Where packets go. */
  readonly sink: PacketSink;
}

export interface ParticipantOutputEvents {
  /** It demands something else of the composite than before. */
  onDemandChanged(): void;
  /** @param urgent the participant has no picture. */
  requestKeyframe(video: WatchedVideo, urgent: boolean): void;
  /** Another rendition is sent than before; undefined is audio alone. */
  onRendition(rendition: number | undefined): void;
  /** It broke and receives nothing more. */
  onFault(error: unknown): void;
}

export class ParticipantOutput implements MediaOutput {
  readonly name: string;
  private readonly streams: OutputStreams;
  private readonly renditions: RenditionControl;
  private readonly audioRate: AudioRateControl;
  private readonly prober: BandwidthProber;
  private readonly offeredVideo = new ByteRate(OFFERED_WINDOW);
  private selectedAt: Micros = 0;
  private readonly counters = { video_frames_not_sent: 0 };

  constructor(
    private readonly options: ParticipantOutputOptions,
    private readonly events: ParticipantOutputEvents,
  ) {
    const { name, media, streams, mix, sink } = options;
    this.name = name;
    this.streams = new OutputStreams(media, streams, mix.renditions[0]?.bitrateBps ?? 0, sink);
    this.prober = new BandwidthProber(this.streams.estimator, this.streams.video);
    this.audioRate = new AudioRateControl(mix.audioBitrateBps);
    this.renditions = new RenditionControl(mix, this.streams.videoCodec, {
      onDemandChanged: () => this.demandChanged(),
      requestKeyframe: (video, urgent) => events.requestKeyframe(video, urgent),
      onRendition: (rendition) => events.onRendition(rendition),
      onDropWaiting: () => this.streams.drop(),
    });
    this.audioRate.update(this.renditions.step, this.estimateBps);
  }

  get demand(): OutputDemand {
    const audio = this.streams.audio !== undefined;
    return {
      videos: this.renditions.videos,
      audio,
      mix: this.options.ownSource,
      lowAudio: audio && this.audioRate.needsLow,
      sources: false,
    };
  }

  /** What the path is estimated to take of all that is sent. */
  get estimateBps(): number {
    return this.streams.estimator.bitrateBps;
  }

  /** How long what waits would take to leave. */
  get queueMicros(): Micros {
    return this.streams.sender.queueMicros;
  }

  /** Without retransmissions. */
  get packetsSent(): number {
    const { audio_packets_sent: audio, video_packets_sent: video } = this.streams.snapshot();
    return audio + video;
  }

  /** From the participant's reports; 0 if unknown. */
  get roundTripMicros(): Micros {
    return this.streams.roundTripMicros;
  }

  /** RTP timestamp of the composite of this time. @returns undefined without video. */
  videoTimestampOf(ptsMicros: Micros): RtpTicks | undefined {
    return this.streams.video?.timestampOf(ptsMicros);
  }

  /**
   * Sends no better rendition than the limits allow.
   * @param sparesBest the best rendition is not encoded at present.
   */
  limit(limits: ReceiveLimits, now: Micros, sparesBest = false): void {
    this.renditions.limit(limits, sparesBest, this.estimateBps, now);
  }

  onVideo(frame: VideoOutFrame, packets: FramePackets, now: Micros): void {
    if (!this.renditions.accepts(frame)) return;
    if (this.streams.sender.overflows) {
      this.streams.drop();
      this.counters.video_frames_not_sent++;
      this.renditions.restart();
      return;
    }
    this.offeredVideo.add(frame.data.length, now);
    this.streams.video?.sendFrame(packets.payloads, frame.ptsMicros, now);
  }

  onAudio(frame: AudioOutFrame, now: Micros): void {
    if (this.audioRate.switchAt(frame)) this.demandChanged();
    const { low, data, ptsMicros } = frame;
    if (low !== this.audioRate.isLow) return;
    // On a narrow path redundancy would fill the queue.
    const availableBps =
      low || this.streams.sender.isCongested(now)
        ? this.estimateBps - (this.offeredVideo.bps(now) ?? 0)
        : Number.POSITIVE_INFINITY;
    const frameDuration = low ? LOW_AUDIO_FRAME : AUDIO_FRAME;
    this.streams.audio?.sendAudio(data, ptsMicros, now, { frameDuration, availableBps });
  }

  onFault(error: unknown): void {
    this.events.onFault(error);
  }

  /** The participant's feedback on what was sent. */
  rtcp(packet: RtcpPacket, now: Micros): void {
    if (this.streams.rtcp(packet, now)) this.renditions.requestKeyframe();
  }

  /** Called every few milliseconds. */
  tick(now: Micros): void {
    this.streams.sender.tick(now);
    this.prober.tick(now);
    if (now - this.selectedAt < SELECT_INTERVAL) return;
    this.selectedAt = now;
    if (this.streams.video) this.select(now);
    if (this.audioRate.update(this.renditions.step, this.estimateBps)) {
      this.events.onDemandChanged();
    }
  }

  snapshot(): OutputSnapshot {
    const { sending, step, counters } = this.renditions;
    return {
      ...this.counters,
      ...counters,
      ...this.streams.snapshot(),
      video_rendition: sending ?? -1,
      video_temporal_layer: sending === undefined ? -1 : step.temporalLayer,
      audio_low_rate: this.audioRate.isLow ? 1 : 0,
    };
  }

  /** The counters of its parts, as they are in use. */
  liveCounters(): readonly Partial<OutputSnapshot>[] {
    return [this.counters, this.renditions.counters, ...this.streams.liveCounters()];
  }

  get sent(): SentCounters {
    return this.streams.sent;
  }

  private select(now: Micros): void {
    const allowed = this.renditions.isStills ? STILL_QUEUE : 0;
    const audioBps = this.streams.audio?.audioBitrateBps ?? 0;
    this.renditions.select(
      {
        estimateBps: this.estimateBps,
        offeredBps: (this.offeredVideo.bps(now) ?? 0) + audioBps,
        queueMicros: Math.max(0, this.queueMicros - allowed),
      },
      now,
    );
    if (this.prober.isActive) return;
    const probeBps = this.renditions.probeDue(this.estimateBps, now);
    if (probeBps !== undefined) this.prober.start(probeBps, now);
  }

  /** The audio's bitrate follows the step at once, so that one change is reported, not two. */
  private demandChanged(): void {
    this.audioRate.update(this.renditions.step, this.estimateBps);
    this.events.onDemandChanged();
  }
}

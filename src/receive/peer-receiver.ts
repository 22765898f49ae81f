/**
 * Stage: everything one client sends. Sorts RTP packets into its streams (by SSRC, mid and payload
 * type, RFC 8843 9.2), undoes RTX, and writes what the client must be told: reception reports, NACK,
 * keyframe requests, transport-wide feedback. Pure: the caller gives packets and the time.
 */

import {
  isUplink,
  type MediaSection,
  type NegotiatedMedia,
  type PayloadFormat,
  type UplinkUse,
} from '../rtp/negotiated-media.js';
import {
  buildCname,
  buildNack,
  buildPli,
  buildReceiverReport,
  buildRemb,
  buildTransportFeedback,
  type RtcpPacket,
} from '../rtp/rtcp.js';
import {
  type HeaderExtensionIds,
  NO_EXTENSIONS,
  parseRtp,
  type RtpPacket,
} from '../rtp/rtp-packet.js';
import { Unwrapper } from '../rtp/sequence.js';
import type { FrameSize } from '../util/frame-size.js';
import { TokenBucket } from '../util/token-bucket.js';
import { AUDIO_CLOCK_RATE, type Micros, type Ssrc, VIDEO_CLOCK_RATE } from '../util/units.js';
import { NackGenerator } from './nack-generator.js';
import { ReceptionStatistics } from './reception-statistics.js';
import { splitRed } from './red-depacketizer.js';
import { RembEstimator } from './remb-estimator.js';
import { SenderClock } from './sender-clock.js';
import { SimulcastSelector } from './simulcast-selector.js';
import { TransportFeedbackGenerator } from './transport-feedback.js';
import { type ReceivedFrame, VideoReceiver } from './video-receiver.js';

/** Streams kept per client: the newest of each m-line and simulcast layer, with some to spare. */
const MAX_STREAMS = 16;
const REPORT_INTERVAL: Micros = 1_000_000;
/** What is decoded of a camera follows its layers and its tile as often. */
const CHOOSE_INTERVAL: Micros = 50_000;
const FEEDBACK_INTERVAL: Micros = 100_000;
/** On a path back that takes little it comes less often, so that it takes a twentieth of that. */
const SLOWEST_FEEDBACK: Micros = 250_000;
const FEEDBACK_SHARE = 0.05;
/** Of one report, with its headers. */
const FEEDBACK_BITS = 150 * 8;
/** More packets than any camera with its layers and repairs has; what is above is not looked at. */
const MAX_PACKETS_PER_SECOND = 3000;
/** Of 10 ms each, with as many repairs. */
const MAX_AUDIO_PER_SECOND = 200;
/** Of RFC 6464. */
const SILENCE = 127;
/** Sound is played before it could be asked for more often. */
const AUDIO_TRIES = 4;

export interface ReceivedAudio {
  readonly sequence: number;
  readonly timestamp: number;
  /** Came as redundancy with a later packet, or again; says nothing of the network's jitter. */
  readonly isRepeat: boolean;
  /** The sender says that there is nothing in it (RFC 6464). */
  readonly isSilent: boolean;
  readonly arrivalMicros: Micros;
  readonly captureMicros: Micros;
  readonly payload: Buffer;
}

export interface PeerReceiverEvents {
  onAudio(packet: ReceivedAudio, use: 'mic' | 'screen-audio'): void;
  onVideo(frame: ReceivedFrame, captureMicros: Micros, use: 'camera' | 'screen'): void;
  onTooLarge(size: FrameSize): void;
  sendRtcp(packets: Buffer): void;
}

interface Stream {
  readonly ssrc: Ssrc;
  /** Of its simulcast layer (RFC 8852); undefined without simulcast. */
  readonly rid: string | undefined;
  readonly section: MediaSection;
  readonly use: UplinkUse;
  readonly clock: SenderClock;
  readonly statistics: ReceptionStatistics;
  readonly sequences: Unwrapper;
  readonly video: VideoReceiver | undefined;
  /** Asks for audio again where that was negotiated; video does by itself. */
  readonly audioNack: NackGenerator | undefined;
}

export class PeerReceiver {
  readonly counters = {
    rtp_malformed: 0,
    rtp_unknown_stream: 0,
    rtp_streams_refused: 0,
    rtp_rate_limited: 0,
    rtp_repairs_received: 0,
    nacks_sent: 0,
  };
  private readonly packetLimit = new TokenBucket(MAX_PACKETS_PER_SECOND);
  private readonly audioLimits = {
    mic: new TokenBucket(MAX_AUDIO_PER_SECOND),
    'screen-audio': new TokenBucket(MAX_AUDIO_PER_SECOND),
  };
  private readonly remb = new RembEstimator();
  private readonly streams = new Map<Ssrc, Stream>();
  /** Retransmissions whose stream was told by a header extension. */
  private readonly repairOf = new Map<Ssrc, Ssrc>();
  private readonly layers = new SimulcastSelector();
  private readonly feedback = new TransportFeedbackGenerator();
  private sections: readonly MediaSection[] = [];
  private extensions: HeaderExtensionIds = NO_EXTENSIONS;
  private roundTrip: Micros = 0;
  private lastReportAt: Micros = 0;
  private choseAt: Micros = 0;
  private lastFeedbackAt: Micros = 0;

  /** @param ssrc the SSRC that our RTCP is sent from. */
  constructor(
    private readonly ssrc: Ssrc,
    private readonly cname: string,
    private readonly events: PeerReceiverEvents,
  ) {}

  negotiated(media: NegotiatedMedia): void {
    this.sections = media.sections;
    this.extensions = media.extensions;
  }

  rtp(bytes: Buffer, now: Micros): void {
    if (!this.packetLimit.take(now)) {
      this.counters.rtp_rate_limited++;
      return;
    }
    const packet = parseRtp(bytes, this.extensions);
    if (!packet) {
      this.counters.rtp_malformed++;
      return;
    }
    if (packet.transportSequence !== undefined)
      this.feedback.received(packet.transportSequence, now);
    else if (packet.absSendTime !== undefined)
      this.remb.received(packet.absSendTime, bytes.length, now);
    const found = this.formatOf(packet);
    if (!found) {
      this.counters.rtp_unknown_stream++;
      return;
    }
    const { section, format, use } = found;
    const isAudio = use === 'mic' || use === 'screen-audio';
    if (isAudio && !this.audioLimits[use].take(now)) {
      this.counters.rtp_rate_limited++;
      return;
    }
    if (packet.payloadType === format.rtxPayloadType) {
      this.repaired(packet, section, format, now);
      return;
    }
    const stream = this.streams.get(packet.ssrc) ?? this.addStream(packet, section, use);
    if (stream) this.deliver(stream, packet, format, now, false);
  }

  rtcp(packet: RtcpPacket, now: Micros): void {
    if (packet.type !== 'sender-report') return;
    const stream = this.streams.get(packet.ssrc);
    stream?.clock.report(packet.ntp, packet.rtpTimestamp);
    stream?.statistics.senderReport(packet.ntp, now);
  }

  /**
   * Called every few tens of milliseconds.
   * @param backBps what the path takes of what we send.
   */
  tick(now: Micros, roundTrip: Micros, backBps: number): void {
    this.roundTrip = roundTrip;
    if (now - this.choseAt >= CHOOSE_INTERVAL) this.chooseLayer(now);
    for (const stream of this.streams.values()) {
      stream.video?.tick(now);
      this.askAgain(stream, now);
    }
    const interval = (FEEDBACK_BITS * 1_000_000) / (FEEDBACK_SHARE * backBps);
    if (
      now - this.lastFeedbackAt >=
      Math.min(SLOWEST_FEEDBACK, Math.max(FEEDBACK_INTERVAL, interval))
    ) {
      this.lastFeedbackAt = now;
      const body = this.feedback.build();
      const media = this.streams.keys().next().value ?? 0;
      if (body) this.events.sendRtcp(buildTransportFeedback(this.ssrc, media, body));
    }
    const remb = this.remb.due(roundTrip, now);
    if (remb !== undefined) {
      this.events.sendRtcp(this.compound(buildRemb(this.ssrc, remb, [...this.streams.keys()])));
    }
    if (now - this.lastReportAt >= REPORT_INTERVAL && this.streams.size > 0) {
      this.lastReportAt = now;
      const blocks = [...this.streams.values()].map(({ statistics }) => statistics.block(now));
      this.events.sendRtcp(
        Buffer.concat([buildReceiverReport(this.ssrc, blocks), buildCname(this.ssrc, this.cname)]),
      );
    }
  }

  /** Asks the camera or the screen for a keyframe, within its rate limit. */
  requestKeyframe(of: 'camera' | 'screen', now: Micros): void {
    const { current } = this.layers;
    for (const { ssrc, use, video } of this.streams.values()) {
      const isLayer = of === 'screen' || current === undefined || ssrc === current;
      if (use === of && isLayer) video?.askKeyframe(now);
    }
  }

  /** Pixels of the tile that the camera is shown in; undefined while it has none. */
  showCameraAt(size: FrameSize | undefined, now: Micros): void {
    this.layers.wanted = size;
    this.chooseLayer(now);
  }

  counts(): Record<string, number> {
    const total: Record<string, number> = {
      ...this.counters,
      ...this.layers.counters,
      video_height: this.layers.sizeOf(this.layers.current)?.height ?? 0,
    };
    for (const { video } of this.streams.values()) {
      for (const [name, value] of Object.entries(video?.counters ?? {})) {
        total[name] = (total[name] ?? 0) + value;
      }
    }
    return total;
  }

  private chooseLayer(now: Micros): void {
    this.choseAt = now;
    const { layers } = this;
    layers.choose(now);
    for (const { ssrc, use, video } of this.streams.values()) {
      const used = use === 'screen' || ssrc === layers.current || ssrc === layers.target;
      // Without any to show, the first keyframe of whichever layer is.
      video?.setPaused(layers.current !== undefined && !used);
    }
  }

  private askAgain({ ssrc, video, audioNack }: Stream, now: Micros): void {
    const lost = (video?.nack ?? audioNack)?.due(now, this.roundTrip) ?? [];
    this.counters.nacks_sent += lost.length;
    if (lost.length > 0) this.events.sendRtcp(this.compound(buildNack(this.ssrc, ssrc, lost)));
  }

  private deliver(
    stream: Stream,
    packet: RtpPacket,
    format: PayloadFormat,
    now: Micros,
    isRepair: boolean,
  ): void {
    const sequence = stream.sequences.unwrap(packet.sequence);
    if (!isRepair) stream.statistics.packet(sequence, packet.timestamp, now);
    if (stream.video && (format.codec === 'vp8' || format.codec === 'h264')) {
      if (stream.use === 'camera') this.layers.packet(stream.ssrc, now);
      if (stream.video.receive(packet, format.codec, now)) this.askAgain(stream, now);
      return;
    }
    const wasLost = stream.audioNack?.isMissing(sequence) ?? false;
    if (stream.audioNack?.received(sequence, now)) this.askAgain(stream, now);
    if (packet.payloadType !== format.redPayloadType) {
      this.deliverAudio(stream, packet, packet.payload, { age: 0, isRepeat: wasLost }, now);
      return;
    }
    const blocks = splitRed(packet.payload);
    if (!blocks) this.counters.rtp_malformed++;
    for (const { payload, payloadType, timestampOffset } of blocks ?? []) {
      if (payloadType !== format.payloadType) continue;
      const isRepeat = wasLost || timestampOffset > 0;
      this.deliverAudio(stream, packet, payload, { age: timestampOffset, isRepeat }, now);
    }
  }

  /** @param age of this payload, in ticks before the packet's timestamp. */
  private deliverAudio(
    stream: Stream,
    packet: RtpPacket,
    payload: Buffer,
    { age, isRepeat }: { age: number; isRepeat: boolean },
    now: Micros,
  ): void {
    if (payload.length === 0) return;
    const timestamp = (packet.timestamp - age) >>> 0;
    const received = {
      sequence: packet.sequence,
      timestamp,
      isRepeat,
      // The level is that of the newest block.
      isSilent: age === 0 && packet.audioLevel === SILENCE,
      arrivalMicros: now,
      captureMicros: stream.clock.captureMicros(timestamp),
      payload,
    };
    this.events.onAudio(received, stream.use === 'screen-audio' ? 'screen-audio' : 'mic');
  }

  /** A retransmission: the original sequence number stands before the payload (RFC 4588, 4). */
  private repaired(
    packet: RtpPacket,
    section: MediaSection,
    format: PayloadFormat,
    now: Micros,
  ): void {
    if (packet.payload.length < 2) return;
    const primary = this.primaryOf(packet, section);
    const stream = primary === undefined ? undefined : this.streams.get(primary);
    if (!stream) return;
    this.counters.rtp_repairs_received++;
    const original = {
      ...packet,
      sequence: packet.payload.readUInt16BE(0),
      ssrc: stream.ssrc,
      payloadType: format.payloadType,
      payload: packet.payload.subarray(2),
    };
    this.deliver(stream, original, format, now, true);
  }

  private primaryOf({ ssrc: rtxSsrc, rid }: RtpPacket, section: MediaSection): Ssrc | undefined {
    const known = this.repairOf.get(rtxSsrc);
    if (known !== undefined) return known;
    for (const [primary, repair] of section.ssrcs) if (repair === rtxSsrc) return primary;
    for (const [ssrc, stream] of this.streams) {
      if (stream.section.mid !== section.mid || stream.rid !== rid) continue;
      if (this.repairOf.size < MAX_STREAMS) this.repairOf.set(rtxSsrc, ssrc);
      return ssrc;
    }
    return undefined;
  }

  private formatOf(
    packet: RtpPacket,
  ): { section: MediaSection; format: PayloadFormat; use: UplinkUse } | undefined {
    const known = this.streams.get(packet.ssrc)?.section.mid;
    const mid = known ?? packet.mid;
    const byMid =
      mid === undefined ? undefined : this.sections.find((section) => section.mid === mid);
    const bySsrc = byMid ?? this.sections.find(({ ssrcs }) => hasSsrc(ssrcs, packet.ssrc));
    const candidates = bySsrc ? [bySsrc] : this.sections;
    for (const section of candidates) {
      const { use } = section;
      if (!isUplink(use)) continue;
      const format = section.formats.find(
        ({ payloadType, rtxPayloadType, redPayloadType }) =>
          payloadType === packet.payloadType ||
          rtxPayloadType === packet.payloadType ||
          redPayloadType === packet.payloadType,
      );
      if (format) return { section, format, use };
    }
    return undefined;
  }

  private addStream(
    { ssrc, rid }: RtpPacket,
    section: MediaSection,
    use: UplinkUse,
  ): Stream | undefined {
    if (this.streams.size >= MAX_STREAMS) {
      this.counters.rtp_streams_refused++;
      return undefined;
    }
    const isVideo = use === 'camera' || use === 'screen';
    const clockRate = isVideo ? VIDEO_CLOCK_RATE : AUDIO_CLOCK_RATE;
    const clock = new SenderClock(clockRate);
    const video = isVideo ? this.videoReceiver(ssrc, use, clock) : undefined;
    const asksAgain = !isVideo && section.formats.some(({ nack }) => nack);
    const stream: Stream = {
      audioNack: asksAgain ? new NackGenerator(AUDIO_TRIES) : undefined,
      ssrc,
      rid,
      section,
      use,
      clock,
      video,
      statistics: new ReceptionStatistics(ssrc, clockRate),
      sequences: new Unwrapper(16),
    };
    // A new SSRC on an m-line, or of a layer, replaces the old one: the client changed its track.
    for (const [old, other] of this.streams) {
      if (other.section.mid === section.mid && other.rid === rid) this.removeStream(old);
    }
    this.streams.set(ssrc, stream);
    return stream;
  }

  private videoReceiver(ssrc: Ssrc, use: 'camera' | 'screen', clock: SenderClock): VideoReceiver {
    return new VideoReceiver({
      onFrame: (frame) => {
        if (use === 'camera' && !this.layers.accepts(ssrc, frame.keyframe)) return;
        this.events.onVideo(frame, clock.captureMicros(frame.timestamp), use);
      },
      requestKeyframe: () => this.events.sendRtcp(this.compound(buildPli(this.ssrc, ssrc))),
      onTooLarge: (size) => this.events.onTooLarge(size),
      onSize: (size) => {
        if (use === 'camera') this.layers.sized(ssrc, size);
      },
    });
  }

  private removeStream(ssrc: Ssrc): void {
    this.streams.delete(ssrc);
    this.layers.removed(ssrc);
    for (const [repair, primary] of this.repairOf) {
      if (primary === ssrc) this.repairOf.delete(repair);
    }
  }

  /** Reduced-size RTCP is negotiated (RFC 5506), but a report in front serves those who want one. */
  private compound(feedback: Buffer): Buffer {
    return Buffer.concat([buildReceiverReport(this.ssrc, []), feedback]);
  }
}

function hasSsrc(ssrcs: ReadonlyMap<Ssrc, Ssrc | undefined>, ssrc: Ssrc): boolean {
  if (ssrcs.has(ssrc)) return true;
  for (const repair of ssrcs.values()) if (repair === ssrc) return true;
  return false;
}

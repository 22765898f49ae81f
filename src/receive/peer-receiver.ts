/**
 * Stage: everything that one client sends. Sorts RTP packets into streams, undoes RTX, gives audio
 * packets and whole video frames, and writes the RTCP that the client needs. Pure: the caller gives
 * packets and the time; times in microseconds.
 */
import { CODECS } from '../codecs/codecs.js';
import { isUplinkAudio, isUplinkVideo } from '../protocol/codec-names.js';
import type { NegotiatedMedia, PayloadFormat, UplinkUse } from '../rtp/negotiated-media.js';
import type { RtcpPacket } from '../rtp/rtcp.js';
import {
  type HeaderExtensionIds,
  NO_EXTENSIONS,
  parseRtp,
  type RtpPacket,
} from '../rtp/rtp-packet.js';
import { Unwrapper } from '../rtp/sequence.js';
import type { FrameSize } from '../util/frame-size.js';
import { TokenBucket } from '../util/token-bucket.js';
import type { Micros, Ssrc } from '../util/units.js';
import { AudioStream, type ReceivedAudio } from './audio-stream.js';
import { FeedbackWriter } from './feedback-writer.js';
import { ReceptionStatistics } from './reception-statistics.js';
import { SenderClock } from './sender-clock.js';
import { type SimulcastCounters, SimulcastSelector } from './simulcast-selector.js';
import { type PacketMatch, StreamTable } from './stream-table.js';
import { type ReceivedFrame, VideoReceiver } from './video-receiver.js';
import { type VideoReceiverCounters, videoReceiverCounters } from './video-receiver-counters.js';

export type { ReceivedAudio } from './audio-stream.js';

/** How often the simulcast layer of the camera is chosen. */
const CHOOSE_INTERVAL: Micros = 50_000;
/** More than any camera with its layers and repairs sends; packets above it are dropped. */
const MAX_PACKETS_PER_SECOND = 3000;
/** Packets of 2.5 ms, the shortest of Opus, with as many repairs. */
const MAX_AUDIO_PER_SECOND = 800;

type AudioUse = Extract<UplinkUse, 'mic' | 'screen-audio'>;
type VideoUse = Exclude<UplinkUse, AudioUse>;

export interface PeerReceiverEvents {
  onAudio(packet: ReceivedAudio, use: AudioUse): void;
  /** @param captureMicros on the sender's clock; NaN while that is not known. */
  onVideo(frame: ReceivedFrame, captureMicros: Micros, use: VideoUse): void;
  /** Whether video of this size is decoded. */
  accepts(size: FrameSize): boolean;
  /** Its keyframe of this size came, and was not accepted. */
  onTooLarge(size: FrameSize): void;
  /** Nothing that arrives on this m-line can be decoded well, because keyframes do not come; or that is over. */
  onStalled?(use: VideoUse, isStalled: boolean): void;
  sendRtcp(compound: Buffer): void;
}

export interface PeerReceiverCounters {
  rtp_malformed: number;
  /** Packets of no m-line, of a format that was not negotiated, or of a codec that it cannot take. */
  rtp_unknown_stream: number;
  rtp_streams_refused: number;
  rtp_rate_limited: number;
  rtp_repairs_received: number;
  nacks_sent: number;
}

/** Counts since the client came, and the height of the camera's layer in use (0 without one). */
export interface PeerReceiverSnapshot
  extends Readonly<PeerReceiverCounters & VideoReceiverCounters & SimulcastCounters> {
  readonly video_height: number;
}

interface Stream {
  readonly ssrc: Ssrc;
  readonly rid: string | undefined;
  readonly section: PacketMatch['section'];
  readonly use: UplinkUse;
  readonly clock: SenderClock;
  readonly statistics: ReceptionStatistics;
  readonly sequences: Unwrapper;
  readonly media: AudioStream | VideoReceiver;
}

export class PeerReceiver {
  private readonly counters: PeerReceiverCounters = {
    rtp_malformed: 0,
    rtp_unknown_stream: 0,
    rtp_streams_refused: 0,
    rtp_rate_limited: 0,
    rtp_repairs_received: 0,
    nacks_sent: 0,
  };
  /** Of all video streams, past ones too. */
  private readonly videoCounters = videoReceiverCounters();
  private readonly packetLimit = new TokenBucket(MAX_PACKETS_PER_SECOND);
  private readonly audioLimits: Readonly<Record<AudioUse, TokenBucket>> = {
    mic: new TokenBucket(MAX_AUDIO_PER_SECOND),
    'screen-audio': new TokenBucket(MAX_AUDIO_PER_SECOND),
  };
  private readonly layers = new SimulcastSelector();
  private readonly streams = new StreamTable<Stream>(({ ssrc }) => this.layers.removed(ssrc));
  private readonly feedback: FeedbackWriter;
  private extensions: HeaderExtensionIds = NO_EXTENSIONS;
  private roundTrip: Micros = 0;
  private choseAt: Micros = 0;
  private readonly stalled: Record<VideoUse, boolean> = { camera: false, screen: false };

  /** @param ssrc the SSRC that our RTCP is sent from. */
  constructor(
    ssrc: Ssrc,
    cname: string,
    private readonly events: PeerReceiverEvents,
  ) {
    this.feedback = new FeedbackWriter(ssrc, cname, (compound) => events.sendRtcp(compound));
  }

  negotiated({ sections, extensions }: NegotiatedMedia): void {
    this.streams.negotiated(sections);
    this.extensions = extensions;
  }

  /** Takes one decrypted packet. */
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
    this.feedback.received(packet, bytes.length, now);
    const match = this.streams.match(packet);
    if (!match || !isUsable(match)) {
      this.counters.rtp_unknown_stream++;
      return;
    }
    const { format, use } = match;
    if (isAudio(use) && !this.audioLimits[use].take(now)) {
      this.counters.rtp_rate_limited++;
      return;
    }
    if (packet.payloadType === format.rtxPayloadType) {
      this.repaired(packet, match, now);
      return;
    }
    const stream = this.streams.get(packet.ssrc) ?? this.addStream(packet, match);
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
   * @param backBps what the path to the client takes.
   */
  tick(now: Micros, roundTrip: Micros, backBps: number): void {
    this.roundTrip = roundTrip;
    if (now - this.choseAt >= CHOOSE_INTERVAL) this.chooseLayer(now);
    for (const stream of this.streams) {
      if (stream.media.kind === 'video') this.tickVideo(stream, stream.media, now);
      this.askAgain(stream, now);
    }
    this.reportStall('camera', now);
    this.reportStall('screen', now);
    this.feedback.tick(this.streams, { now, roundTrip, backBps });
  }

  /** Asks the camera or the screen for a keyframe, within its rate limit. */
  requestKeyframe(of: VideoUse, now: Micros): void {
    const { current } = this.layers;
    for (const { ssrc, use, media } of this.streams) {
      const isLayer = of === 'screen' || current === undefined || ssrc === current;
      if (use === of && isLayer && media.kind === 'video') media.askKeyframe(now);
    }
  }

  /** Pixels of the tile that the camera is shown in; undefined while it has none. */
  showCameraAt(size: FrameSize | undefined, now: Micros): void {
    this.layers.wanted = size;
    this.chooseLayer(now);
  }

  snapshot(): PeerReceiverSnapshot {
    return {
      ...this.counters,
      ...this.videoCounters,
      ...this.layers.counters,
      video_height: this.layers.sizeOf(this.layers.current)?.height ?? 0,
    };
  }

  /** The counters of its parts, as they are in use. */
  liveCounters(): readonly Partial<PeerReceiverSnapshot>[] {
    return [this.counters, this.videoCounters, this.layers.counters];
  }

  private chooseLayer(now: Micros): void {
    this.choseAt = now;
    const { layers } = this;
    layers.choose(now);
    for (const { ssrc, use, media } of this.streams) {
      if (media.kind !== 'video') continue;
      const isUsed = use === 'screen' || ssrc === layers.current || ssrc === layers.target;
      // Until there is a current layer all are received: the first keyframe decides.
      media.setPaused(layers.current !== undefined && !isUsed);
    }
  }

  private tickVideo({ ssrc, use }: Stream, media: VideoReceiver, now: Micros): void {
    media.tick(now, this.roundTrip);
    if (use === 'camera' && media.isFailing(now)) this.layers.failed(ssrc, now);
  }

  private reportStall(of: VideoUse, now: Micros): void {
    const { current } = this.layers;
    let isStalled = false;
    for (const { ssrc, use, media } of this.streams) {
      const isUsed = of === 'screen' || current === undefined || ssrc === current;
      if (use !== of || !isUsed || media.kind !== 'video') continue;
      isStalled = media.isFailing(now);
      if (!isStalled) break;
    }
    if (isStalled === this.stalled[of]) return;
    this.stalled[of] = isStalled;
    this.events.onStalled?.(of, isStalled);
  }

  private askAgain({ ssrc, media }: Stream, now: Micros): void {
    const lost = media.nack?.due(now, this.roundTrip) ?? [];
    this.counters.nacks_sent += lost.length;
    if (lost.length > 0) this.feedback.nack(ssrc, lost);
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
    if (this.receiveMedia(stream, packet, sequence, format, now)) this.askAgain(stream, now);
  }

  /** @returns whether packets are seen to be missing. */
  private receiveMedia(
    { ssrc, use, media }: Stream,
    packet: RtpPacket,
    sequence: number,
    format: PayloadFormat,
    now: Micros,
  ): boolean {
    if (media.kind === 'audio') return media.receive(packet, sequence, format, now);
    if (!isUplinkVideo(format.codec)) return false;
    if (use === 'camera') this.layers.packet(ssrc, now);
    return media.receive(packet, format.codec, now, format.parameters);
  }

  /** A retransmission: the original sequence number stands before the payload (RFC 4588, 4). */
  private repaired(packet: RtpPacket, { section, format }: PacketMatch, now: Micros): void {
    if (packet.payload.length < 2) return;
    const stream = this.streams.repairedBy(packet, section);
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

  private addStream(packet: RtpPacket, match: PacketMatch): Stream | undefined {
    const { ssrc, rid } = packet;
    const { section, format, use } = match;
    const stream = this.streams.add(match, packet, () => {
      const { clockRate } = CODECS[format.codec];
      const clock = new SenderClock(clockRate);
      const media = isAudio(use)
        ? this.audioStream(section, format, use, clock)
        : this.videoReceiver(ssrc, use, clock);
      const statistics = new ReceptionStatistics(ssrc, clockRate);
      return { ssrc, rid, section, use, clock, media, statistics, sequences: new Unwrapper(16) };
    });
    if (!stream) this.counters.rtp_streams_refused++;
    return stream;
  }

  private audioStream(
    { formats }: PacketMatch['section'],
    { codec }: PayloadFormat,
    use: AudioUse,
    clock: SenderClock,
  ): AudioStream {
    return new AudioStream({
      codec: isUplinkAudio(codec) ? codec : 'opus',
      clock,
      nack: formats.some(({ nack }) => nack),
      onAudio: (packet) => this.events.onAudio(packet, use),
      onMalformed: () => this.counters.rtp_malformed++,
    });
  }

  private videoReceiver(ssrc: Ssrc, use: VideoUse, clock: SenderClock): VideoReceiver {
    const events = {
      onFrame: (frame: ReceivedFrame) => {
        if (use === 'camera' && !this.layers.accepts(ssrc, frame.keyframe)) return;
        this.events.onVideo(frame, clock.captureMicros(frame.timestamp), use);
      },
      requestKeyframe: () => this.feedback.pli(ssrc),
      accepts: (size: FrameSize) => this.events.accepts(size),
      onTooLarge: (size: FrameSize) => this.events.onTooLarge(size),
      onSize: (size: FrameSize) => {
        if (use === 'camera') this.layers.sized(ssrc, size);
      },
    };
    return new VideoReceiver(events, this.videoCounters);
  }
}

function isAudio(use: UplinkUse): use is AudioUse {
  return use === 'mic' || use === 'screen-audio';
}

/** Whether the codec is one that clients may send on such an m-line. */
function isUsable({ format: { codec }, use }: PacketMatch): boolean {
  return isAudio(use) ? isUplinkAudio(codec) : isUplinkVideo(codec);
}

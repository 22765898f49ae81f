/**
 * Stage: one RTP stream to one client. Sequence numbers and timestamps are contiguous for the life of
 * the connection, whatever encoder or media process the frames come from. Answers NACK, by RTX where
 * that is negotiated (RFC 4588). Pure except for the sender that it is given.
 */
import { randomInt } from 'node:crypto';
import { buildCname, buildSenderReport, type ReportBlock } from '../rtp/rtcp.js';
import { MAX_RTP_HEADER, SRTP_TRAILER_BYTES, writeRtpHeader } from '../rtp/rtp-packet.js';
import { compactNtp, ntpFromMicros } from '../util/clock.js';
import type { Micros, RtpTicks, Ssrc } from '../util/units.js';
import type { PacedSender } from './paced-sender.js';
import { packetizeRed, redundancyFor, type SentAudio } from './red-packetizer.js';
import { Repair, SentPacket } from './sent-packet.js';

/** Packets kept for retransmission: two seconds at 10 Mbps. */
const HISTORY = 2048;
/** Older packets are not sent again: their frames are past. */
const HISTORY_SPAN: Micros = 2_000_000;
const MAX_REPEATS = 2;
const REPORT_INTERVAL: Micros = 1_000_000;
/** A packet is sent again at most this often, and not before the last time can have shown effect. */
const RETRANSMIT_INTERVAL: Micros = 20_000;
const RETRANSMIT_ROUND_TRIPS = 0.8;
/** From this reported loss on a repair is sent twice, because it may be lost like the packet. */
const LOSS_TO_REPEAT_REPAIRS = 0.02;

/** Bits of the headers of RTP, SRTP, UDP and IP around one packet. */
const AUDIO_OVERHEAD = 64 * 8;
const AUDIO_SMOOTHING = 0.05;

export interface OutboundStreamOptions {
  readonly ssrc: Ssrc;
  readonly payloadType: number;
  readonly clockRate: number;
  readonly cname: string;
  /** Payload type for audio with redundancy (RFC 2198); undefined sends none. */
  readonly redPayloadType?: number | undefined;
  readonly rtx: { readonly ssrc: Ssrc; readonly payloadType: number } | undefined;
}

/** How long an audio frame is, and what the path can carry of it and its redundancy. */
export interface AudioBudget {
  readonly frameDuration: Micros;
  readonly availableBps: number;
}

export interface OutboundStreamCounters {
  packets_sent: number;
  /** Payload bytes, without repairs. */
  bytes_sent: number;
  packets_retransmitted: number;
  /** Packets that were asked for, but are no longer kept. */
  nack_not_found: number;
}

export class OutboundStream {
  readonly counters: OutboundStreamCounters = {
    packets_sent: 0,
    bytes_sent: 0,
    packets_retransmitted: 0,
    nack_not_found: 0,
  };
  /** Round-trip time from the receiver's last report (RFC 3550, 6.4.1); 0 if unknown. */
  roundTripMicros: Micros = 0;
  private sequence = randomInt(0x8000);
  private rtxSequence = randomInt(0x8000);
  private readonly timestampOffset = randomInt(0x1_0000_0000 - 1);
  private readonly history: (SentPacket | undefined)[] = new Array(HISTORY);
  private newest: SentPacket | undefined;
  /** Share of packets lost as the receiver reports it, 0 to 1. */
  private fractionLost = 0;
  private audioBps = 0;
  private audioOverheadBps = 0;
  private readonly recentAudio: SentAudio[] = [];
  private lastReportAt = Number.NEGATIVE_INFINITY;

  constructor(
    readonly options: OutboundStreamOptions,
    private readonly sender: PacedSender,
  ) {}

  /** Bitrate of the audio with packet headers, without redundancy. */
  get audioBitrateBps(): number {
    return this.audioBps + this.audioOverheadBps;
  }

  snapshot(): Readonly<OutboundStreamCounters> {
    return { ...this.counters };
  }

  /** RTP timestamp of a moment on the monotonic clock. */
  timestampOf(at: Micros): RtpTicks {
    const ticks = Math.floor((at * this.options.clockRate) / 1_000_000);
    return (ticks + this.timestampOffset) % 0x1_0000_0000;
  }

  /**
   * Sends one frame of video.
   * @param payloads of the whole frame; other streams may share them, so they must not change.
   */
  sendFrame(payloads: readonly Buffer[], at: Micros, now: Micros): void {
    const timestamp = this.timestampOf(at);
    const { payloadType } = this.options;
    for (let index = 0; index < payloads.length; index++) {
      const last = index === payloads.length - 1;
      const payload = payloads[index] as Buffer;
      const packet = new SentPacket(this, timestamp, last, payload, payloadType);
      this.sender.pace(packet, now);
    }
    if (now - this.lastReportAt >= REPORT_INTERVAL) this.report(now);
  }

  /**
   * Sends one frame of audio. The more the receiver loses, the more earlier frames go with it.
   * @param at the time of its first sample.
   */
  sendAudio(
    payload: Buffer,
    at: Micros,
    now: Micros,
    { frameDuration, availableBps }: AudioBudget,
  ): void {
    const timestamp = this.timestampOf(at);
    const frame = { timestamp, payload };
    const { redPayloadType, payloadType } = this.options;
    const perSecond = 1_000_000 / frameDuration;
    this.audioOverheadBps = AUDIO_OVERHEAD * perSecond;
    this.audioBps += AUDIO_SMOOTHING * (payload.length * 8 * perSecond - this.audioBps);
    const room = (availableBps - this.audioOverheadBps) / Math.max(1, this.audioBps);
    const repeats = redPayloadType === undefined ? 0 : redundancyFor(this.lossShare, room);
    const packet =
      repeats === 0
        ? new SentPacket(this, timestamp, false, payload, payloadType)
        : new SentPacket(
            this,
            timestamp,
            false,
            packetizeRed(frame, this.recentAudio.slice(-repeats), payloadType),
            redPayloadType as number,
          );
    packet.depart(now);
    this.recentAudio.push(frame);
    if (this.recentAudio.length > MAX_REPEATS) this.recentAudio.shift();
    if (now - this.lastReportAt >= REPORT_INTERVAL) this.report(now);
  }

  /** Takes a report on this stream (RFC 3550, 6.4.1). The loss share rises at once and falls slowly. */
  receiverReport(block: ReportBlock, now: Micros): void {
    this.fractionLost = Math.max(block.fractionLost / 256, this.fractionLost * 0.8);
    if (block.lastSenderReport === 0) return;
    const elapsed =
      (compactNtp(ntpFromMicros(now)) - block.lastSenderReport - block.delaySinceLastSenderReport) |
      0;
    const micros = Math.round((elapsed * 1_000_000) / 65_536);
    if (micros >= 0 && micros < 10_000_000) this.roundTripMicros = micros;
  }

  /** Sends packets again that the receiver misses, if they are still kept. */
  retransmit(sequences: readonly number[], now: Micros): void {
    for (const sequence of sequences) {
      const packet = this.kept(sequence, now);
      if (packet) this.repair(packet, now);
      else this.counters.nack_not_found++;
    }
  }

  /**
   * Transport feedback says that a packet was lost: it is sent again without waiting for the NACK,
   * which may be lost too.
   * @param ssrc the SSRC that it was sent with: ours, or that of the retransmissions.
   * @param sequence the sequence number of the original packet.
   */
  lost(ssrc: Ssrc, sequence: number, now: Micros): void {
    const { rtx } = this.options;
    if (!rtx || (ssrc !== this.options.ssrc && ssrc !== rtx.ssrc)) return;
    const packet = this.kept(sequence, now);
    if (packet) this.repair(packet, now);
  }

  /** A keyframe will come: nothing that was sent before it is needed again. */
  forget(): void {
    this.history.fill(undefined);
  }

  /** Sends the newest packet again at once, to fill a probe. @returns bytes sent; 0 without RTX. */
  pad(now: Micros): number {
    if (!this.options.rtx || !this.newest) return 0;
    this.writeAgain(this.newest, now);
    return this.newest.size;
  }

  /** Sender report: maps this stream's timestamps to the wall clock that all our streams share. */
  report(now: Micros): void {
    this.lastReportAt = now;
    const { ssrc, cname } = this.options;
    const report = buildSenderReport({
      ssrc,
      ntp: ntpFromMicros(now),
      rtpTimestamp: this.timestampOf(now),
      packetCount: this.counters.packets_sent,
      octetCount: this.counters.bytes_sent,
    });
    this.sender.sendRtcp(Buffer.concat([report, buildCname(ssrc, cname)]));
  }

  /** For {@link SentPacket.depart}. */
  write(packet: SentPacket, now: Micros): void {
    packet.sequence = this.sequence;
    this.sequence = (packet.sequence + 1) & 0xffff;
    this.history[packet.sequence % HISTORY] = packet;
    this.newest = packet;
    this.counters.packets_sent++;
    this.counters.bytes_sent += packet.payload.length;
    const { ssrc } = this.options;
    this.send(ssrc, packet.sequence, packet.payloadType, packet, undefined, now);
  }

  /** For {@link Repair.depart}. */
  writeAgain(packet: SentPacket, now: Micros): void {
    const { rtx, ssrc } = this.options;
    if (!rtx) {
      // It must be the same packet bit for bit: it is encrypted with the same nonce.
      this.send(ssrc, packet.sequence, packet.payloadType, packet, undefined, now, true);
      return;
    }
    const sequence = this.rtxSequence;
    this.rtxSequence = (sequence + 1) & 0xffff;
    this.send(rtx.ssrc, sequence, rtx.payloadType, packet, packet.sequence, now);
  }

  /** Loss in the receiver's reports, or in its transport-wide feedback, which comes sooner. */
  private get lossShare(): number {
    return Math.max(this.fractionLost, this.sender.estimator.lossShare);
  }

  /** A packet that was sent, if it is recent enough to be needed. */
  private kept(sequence: number, now: Micros): SentPacket | undefined {
    const packet = this.history[sequence % HISTORY];
    const isRecent = packet?.sequence === sequence && now - packet.sentAt <= HISTORY_SPAN;
    return isRecent ? packet : undefined;
  }

  private repair(packet: SentPacket, now: Micros): void {
    const wait = Math.max(RETRANSMIT_INTERVAL, RETRANSMIT_ROUND_TRIPS * this.roundTripMicros);
    if (packet.repairsQueued > 0 || now - packet.sentAgainAt < wait) return;
    const lossy = this.lossShare >= LOSS_TO_REPEAT_REPAIRS && !this.sender.isCongested(now);
    const times = lossy && this.options.rtx ? 2 : 1;
    for (let i = 0; i < times; i++) {
      packet.repairsQueued++;
      if (this.sender.repair(new Repair(this, packet), now)) this.counters.packets_retransmitted++;
      else packet.repairsQueued--;
    }
  }

  /** @param original the sequence number to write before the payload of a retransmission (RFC 4588, 4). */
  private send(
    ssrc: Ssrc,
    sequence: number,
    payloadType: number,
    sent: SentPacket,
    original: number | undefined,
    now: Micros,
    again = false,
  ): void {
    const { transportSequenceId } = this.sender;
    const { payload, timestamp, marker, sequence: first } = sent;
    const packet = Buffer.allocUnsafe(MAX_RTP_HEADER + 2 + payload.length + SRTP_TRAILER_BYTES);
    if (transportSequenceId !== 0 && !again) {
      sent.transportSequence = this.sender.number(ssrc, first, packet.length, now);
    }
    const { transportSequence } = sent;
    const headerLength = writeRtpHeader(packet, {
      payloadType,
      marker,
      sequence,
      timestamp,
      ssrc,
      transportSequence,
      transportSequenceId,
    });
    let length = headerLength;
    if (original !== undefined) length = packet.writeUInt16BE(original, length);
    length += payload.copy(packet, length);
    this.sender.sendNow(packet, length, headerLength);
  }
}

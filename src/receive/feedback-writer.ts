/**
 * Stage: the RTCP that one client gets about what it sends: reception reports, NACK, keyframe
 * requests, and the congestion feedback that it can read. Pure; times in microseconds.
 */
import {
  buildCname,
  buildNack,
  buildPli,
  buildReceiverReport,
  buildRemb,
  buildTransportFeedback,
  type ReportBlock,
} from '../rtp/rtcp.js';
import type { RtpPacket } from '../rtp/rtp-packet.js';
import type { Micros, Ssrc } from '../util/units.js';
import { RembEstimator } from './remb-estimator.js';
import { TransportFeedbackGenerator } from './transport-feedback.js';

const REPORT_INTERVAL: Micros = 1_000_000;
const FEEDBACK_INTERVAL: Micros = 100_000;
/** A slow path back gets feedback less often, at least this often. */
const SLOWEST_FEEDBACK: Micros = 250_000;
/** Share of the path back that feedback may take. */
const FEEDBACK_SHARE = 0.05;
/** Bits of one feedback message with its headers. */
const FEEDBACK_BITS = 150 * 8;

/** A stream that is reported on. */
interface ReportedStream {
  readonly ssrc: Ssrc;
  readonly statistics: { block(now: Micros): ReportBlock };
}

export interface FeedbackTick {
  readonly now: Micros;
  readonly roundTrip: Micros;
  /** What the path to the client takes, in bits per second. */
  readonly backBps: number;
}

export class FeedbackWriter {
  private readonly remb = new RembEstimator();
  private readonly transport = new TransportFeedbackGenerator();
  private lastReportAt: Micros = 0;
  private lastFeedbackAt: Micros = 0;

  /** @param ssrc the SSRC that our RTCP is sent from. */
  constructor(
    private readonly ssrc: Ssrc,
    private readonly cname: string,
    private readonly send: (compound: Buffer) => void,
  ) {}

  /** Notes the arrival of a packet, whatever stream it belongs to. @param bytes of the whole packet. */
  received(packet: RtpPacket, bytes: number, now: Micros): void {
    const { transportSequence, absSendTime } = packet;
    if (transportSequence !== undefined) this.transport.received(transportSequence, now);
    else if (absSendTime !== undefined) this.remb.received(absSendTime, bytes, now);
  }

  nack(media: Ssrc, sequences: readonly number[]): void {
    this.send(this.compound(buildNack(this.ssrc, media, sequences)));
  }

  pli(media: Ssrc): void {
    this.send(this.compound(buildPli(this.ssrc, media)));
  }

  /** Called every few tens of milliseconds; writes what is due. */
  tick(streams: Iterable<ReportedStream>, { now, roundTrip, backBps }: FeedbackTick): void {
    const all = [...streams];
    if (this.isFeedbackDue(backBps, now)) {
      this.lastFeedbackAt = now;
      const body = this.transport.build();
      if (body) this.send(buildTransportFeedback(this.ssrc, all[0]?.ssrc ?? 0, body));
    }
    const remb = this.remb.due(roundTrip, now);
    if (remb !== undefined) {
      const ssrcs = all.map(({ ssrc }) => ssrc);
      this.send(this.compound(buildRemb(this.ssrc, remb, ssrcs)));
    }
    if (now - this.lastReportAt >= REPORT_INTERVAL && all.length > 0) {
      this.lastReportAt = now;
      const blocks = all.map(({ statistics }) => statistics.block(now));
      const report = buildReceiverReport(this.ssrc, blocks);
      this.send(Buffer.concat([report, buildCname(this.ssrc, this.cname)]));
    }
  }

  private isFeedbackDue(backBps: number, now: Micros): boolean {
    const affordable = (FEEDBACK_BITS * 1_000_000) / (FEEDBACK_SHARE * backBps);
    const interval = Math.min(SLOWEST_FEEDBACK, Math.max(FEEDBACK_INTERVAL, affordable));
    return now - this.lastFeedbackAt >= interval;
  }

  /** Reduced-size RTCP is negotiated (RFC 5506); the empty report is for clients that need one. */
  private compound(feedback: Buffer): Buffer {
    return Buffer.concat([buildReceiverReport(this.ssrc, []), feedback]);
  }
}

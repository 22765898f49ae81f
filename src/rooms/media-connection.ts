/**
 * The media connection of one participant: it answers offers, opens the transport and its data
 * channel, gives what the client sends to its owner as frames and packets, and watches whether
 * anything still arrives. It knows no rooms and no rights.
 */

import { randomBytes, randomInt } from 'node:crypto';
import { TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import { PeerTransport, type PeerTransportOptions } from '../peer/peer-transport.js';
import { writeAnswer } from '../peer/sdp-answer.js';
import { type IceCredentials, writeSdpFragment } from '../peer/sdp-fragment.js';
import { type OfferOptions, type ParsedOffer, parseOffer } from '../peer/sdp-offer.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import { PeerReceiver, type PeerReceiverEvents } from '../receive/peer-receiver.js';
import type {
  LocalStreams,
  MediaSection,
  NegotiatedMedia,
  RefusedMedia,
} from '../rtp/negotiated-media.js';
import { parseRtcp, type RtcpPacket } from '../rtp/rtcp.js';
import type { PacketSink } from '../send/paced-sender.js';
import { nowMicros } from '../util/clock.js';
import type { FrameSize } from '../util/frame-size.js';
import { LogLimit } from '../util/log-limit.js';
import { TokenBucket } from '../util/token-bucket.js';
import type { Micros } from '../util/units.js';
import type { MediaTap } from './media-tap.js';
import type { ConnectionState } from './participant-info.js';
import type { ConnectionCounters, ConnectionSnapshot } from './room-counters.js';

/** A connection without one authenticated datagram for this long counts as interrupted. */
export const SILENCE_LIMIT: Micros = 3_500_000;
/** ICE and DTLS must be through this long after the first offer. */
const CONNECT_LIMIT: Micros = 20_000_000;
/** More than feedback on every packet would need. */
const MAX_RTCP_PER_SECOND = 500;

/** What the connection needs of {@link PeerTransport}. */
export type ConnectionTransport = PacketSink &
  Pick<
    PeerTransport,
    | 'start'
    | 'gathered'
    | 'addRemoteCandidate'
    | 'localParameters'
    | 'localCandidates'
    | 'openData'
    | 'sendData'
    | 'lastReceivedAt'
    | 'roundTripMicros'
    | 'snapshot'
    | 'liveCounters'
    | 'close'
  >;

export type OpenTransport = (
  ...args: Parameters<typeof PeerTransport.open>
) => Promise<ConnectionTransport>;

export interface MediaConnectionOptions {
  readonly transport: PeerTransportOptions;
  /** Codecs of the composite, best first. */
  readonly videoCodecs: readonly CompositeCodec[];
  /** Ask the client not to send silence. */
  readonly dtx: boolean;
  /** The mix has two channels. */
  readonly stereo?: boolean;
}

export interface NegotiateOptions extends Pick<OfferOptions, 'only'> {
  readonly allCandidates?: boolean;
  /** Our address to which the client's request came; undefined behind a proxy. */
  readonly reachedAt?: string | undefined;
}

export interface MediaConnectionEvents
  extends Pick<PeerReceiverEvents, 'onAudio' | 'onVideo' | 'accepts' | 'onTooLarge' | 'onStalled'> {
  /** @param reason of `failed`. */
  onState(state: ConnectionState, reason?: string): void;
  /** A later offer was accepted: {@link MediaConnection.uses} may have changed. */
  onRenegotiated(): void;
  /** An ICE candidate of ours that was found after the answer was given. */
  onCandidate(candidate: string): void;
  /** Feedback on what was sent to the client. */
  onRtcp(packet: RtcpPacket, now: Micros): void;
  /** A message over the data channel. */
  onData(text: string): void;
}

/** What is needed to send media to the client. */
export interface OutboundPath {
  readonly media: NegotiatedMedia;
  readonly streams: LocalStreams;
  readonly sink: PacketSink;
}

export class MediaConnection {
  /** Follows what the client sends. */
  tap: MediaTap | undefined;
  /** The client's newest offer that could be read. */
  offerSdp: string | undefined;
  private current: ConnectionState = 'new';
  private streams: LocalStreams;
  private readonly receiver: PeerReceiver;
  private readonly rtcpLimit = new TokenBucket(MAX_RTCP_PER_SECOND);
  private readonly counters: ConnectionCounters = { rtcp_rate_limited: 0, connection_errors: 0 };
  private readonly errorLog = new LogLimit(1000);
  private offer: ParsedOffer | undefined;
  private usesNow: ReadonlySet<MediaSection['use']> = new Set();
  private transport: ConnectionTransport | undefined;
  private opening: Promise<ConnectionTransport> | undefined;
  private connectingSince: Micros = 0;
  private closed = false;

  constructor(
    private readonly options: MediaConnectionOptions,
    private readonly events: MediaConnectionEvents,
    private readonly logger: Logger,
    private readonly open: OpenTransport = PeerTransport.open,
  ) {
    this.streams = newStreams(randomBytes(9).toString('base64url'));
    this.receiver = new PeerReceiver(randomSsrc(), this.streams.cname, {
      onAudio: (packet, use) => events.onAudio(packet, use),
      onVideo: (frame, captureMicros, use) => events.onVideo(frame, captureMicros, use),
      accepts: (size) => events.accepts(size),
      onTooLarge: (size) => events.onTooLarge(size),
      onStalled: (use, isStalled) => events.onStalled?.(use, isStalled),
      sendRtcp: (packets) => this.transport?.sendRtcp(packets),
    });
  }

  get state(): ConnectionState {
    return this.current;
  }

  /** What the m-lines of the latest offer are for. */
  get uses(): ReadonlySet<MediaSection['use']> {
    return this.usesNow;
  }

  /** M-lines of the latest offer that the client wants to send on, in no format that is taken. */
  get refused(): readonly RefusedMedia[] {
    return this.offer?.media.sections.flatMap(({ refused }) => refused ?? []) ?? [];
  }

  /** Of the client's ICE; undefined before the first offer. */
  get remoteUsernameFragment(): string | undefined {
    return this.offer?.remote.usernameFragment;
  }

  /** Undefined before the first offer. */
  get outbound(): OutboundPath | undefined {
    const { offer, transport: sink, streams } = this;
    return offer && sink ? { media: offer.media, streams, sink } : undefined;
  }

  /**
   * Answers an offer: the first one opens the connection, later ones change or restart it.
   * @param allCandidates waits until all our candidates are known, for clients that take no others.
   * @param only the one direction of the client's media, of clients that have one.
   * @throws TesseraError as `parseOffer` does; `out_of_order` after `close`.
   */
  async negotiate(
    sdp: string,
    { allCandidates = false, only, reachedAt }: NegotiateOptions = {},
  ): Promise<string> {
    const offer = parseOffer(sdp, this.options.videoCodecs, { previous: this.offer, only });
    // What is sent in another way is another stream: its numbers begin anywhere.
    if (this.offer && mixOf(this.offer.media) !== mixOf(offer.media)) {
      this.streams = newStreams(this.streams.cname);
    }
    this.offer = offer;
    this.offerSdp = sdp;
    this.tap?.offer(sdp, nowMicros());
    const transport = await this.openTransport(reachedAt);
    if (this.closed) throw new TesseraError('out_of_order', 'the participant has left');
    await transport.start(offer.remote);
    if (allCandidates) await transport.gathered;
    for (const candidate of offer.candidates) transport.addRemoteCandidate(candidate);
    this.receiver.negotiated(offer.media);
    const { sections } = offer.media;
    this.usesNow = new Set(
      sections.flatMap(({ use, mix }) => (mix ? ([use, `mix-${mix.kind}`] as const) : [use])),
    );
    const data = sections.find(({ use }) => use === 'data');
    if (data?.sctpPort !== undefined) this.openData(transport, data.sctpPort);
    // The state of a connection that a later offer changes or restarts follows from what arrives.
    if (this.current !== 'new') this.events.onRenegotiated();
    else {
      this.connectingSince = nowMicros();
      this.setState('connecting');
    }
    return writeAnswer(
      offer,
      { ...transport.localParameters, candidates: transport.localCandidates() },
      this.streams,
      { dtx: this.options.dtx, stereo: this.options.stereo ?? false },
    );
  }

  /**
   * Gives ICE new credentials on both sides (RFC 9725, 4.3.3).
   * @returns our SDP fragment, with all candidates.
   * @throws TesseraError `out_of_order` before the first offer; `bad_candidate`.
   */
  async restartIce(credentials: IceCredentials, candidates: readonly string[]): Promise<string> {
    const { offer, transport } = this;
    if (!offer || !transport) throw new TesseraError('out_of_order', 'there was no offer yet');
    this.offer = { ...offer, remote: { ...offer.remote, ...credentials } };
    await transport.start(this.offer.remote);
    for (const candidate of candidates) this.addCandidate(candidate);
    const mid = offer.media.sections[0]?.mid ?? '0';
    return writeSdpFragment(transport.localParameters, mid, transport.localCandidates());
  }

  /** A candidate of the client. @throws TesseraError `out_of_order`, `bad_candidate`. */
  addCandidate(candidate: string): void {
    if (!this.transport) {
      throw new TesseraError('out_of_order', 'a candidate came before the offer', {
        next: 'Send the offer first.',
      });
    }
    if (!this.transport.addRemoteCandidate(candidate)) {
      throw new TesseraError('bad_candidate', 'the candidate cannot be parsed');
    }
  }

  /** @returns false if there is no data channel, or it is not open. */
  sendData(text: string): boolean {
    return this.transport?.sendData(text) ?? false;
  }

  requestKeyframe(of: 'camera' | 'screen'): void {
    this.receiver.requestKeyframe(of, nowMicros());
  }

  /** Chooses the simulcast layer of the camera. @param size in pixels; undefined: it has no tile. */
  showCameraAt(size: FrameSize | undefined): void {
    this.receiver.showCameraAt(size, nowMicros());
  }

  /**
   * Called every few milliseconds.
   * @param roundTrip as the client's reports say; 0 if unknown.
   * @param backBps what the path to the client takes of feedback and media.
   */
  tick(now: Micros, roundTrip: Micros, backBps: number): void {
    const { transport } = this;
    if (!transport) return;
    this.receiver.tick(now, roundTrip || transport.roundTripMicros, backBps);
    if (this.current === 'connecting' && now - this.connectingSince > CONNECT_LIMIT) {
      this.fail('timeout');
      return;
    }
    const silent = transport.lastReceivedAt > 0 && now - transport.lastReceivedAt > SILENCE_LIMIT;
    if (silent && this.current === 'connected') this.setState('interrupted');
    else if (!silent && this.current === 'interrupted') this.setState('connected');
  }

  /** Gives the connection up: its state is `failed` from now on. */
  fail(reason: string): void {
    if (this.current === 'failed' || this.closed) return;
    this.logger.info({ reason }, 'connection failed');
    this.setState('failed', reason);
  }

  snapshot(): ConnectionSnapshot {
    return { ...this.counters, ...this.receiver.snapshot(), ...this.transport?.snapshot() };
  }

  /** The counters of its parts, as they are in use. */
  liveCounters(): readonly Partial<ConnectionSnapshot>[] {
    const transport = this.transport?.liveCounters() ?? [];
    return [this.counters, ...this.receiver.liveCounters(), ...transport];
  }

  /** Idempotent. No event follows. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.opening?.catch(() => undefined);
    await this.transport?.close();
  }

  private openTransport(reachedAt: string | undefined): Promise<ConnectionTransport> {
    this.opening ??= this.open(
      { ...this.options.transport, reachedAt },
      {
        onRtp: (packet) => this.receiveRtp(packet),
        onRtcp: (compound) => this.receiveRtcp(compound),
        onCandidate: (candidate) => this.events.onCandidate(candidate),
        onConnected: () => {
          if (this.transport) this.setState('connected');
        },
        onFailed: (reason) => this.fail(reason),
        onListenerError: (error) => this.broke(error),
      },
    ).then((transport) => {
      this.transport = transport;
      return transport;
    });
    return this.opening;
  }

  private openData(transport: ConnectionTransport, remotePort: number): void {
    transport.openData(remotePort, {
      onOpen: () => this.logger.debug('data channel open'),
      onMessage: (text) => this.events.onData(text),
      onClosed: (reason) => this.logger.info({ reason }, 'data channel closed'),
    });
  }

  /** Something about this connection broke a stage: the packet or event is lost, the others go on. */
  private broke(error: unknown): void {
    this.counters.connection_errors++;
    const count = this.errorLog.due(performance.now());
    if (count !== undefined) this.logger.error({ error, count }, 'caught an error of a connection');
  }

  private receiveRtp(packet: Buffer): void {
    const now = nowMicros();
    this.tap?.packet('rtp', packet, now);
    this.receiver.rtp(packet, now);
  }

  private receiveRtcp(compound: Buffer): void {
    const now = nowMicros();
    this.tap?.packet('rtcp', compound, now);
    if (!this.rtcpLimit.take(now)) {
      this.counters.rtcp_rate_limited++;
      return;
    }
    for (const packet of parseRtcp(compound)) {
      this.receiver.rtcp(packet, now);
      this.events.onRtcp(packet, now);
    }
  }

  private setState(state: ConnectionState, reason?: string): void {
    if (this.current === state || this.closed) return;
    this.current = state;
    this.events.onState(state, reason);
  }
}

function newStreams(cname: string): LocalStreams {
  return {
    cname,
    audioSsrc: randomSsrc(),
    videoSsrc: randomSsrc(),
    videoRtxSsrc: randomSsrc(),
  };
}

/** On which m-lines, and in which formats, the mix and the composite are sent. */
function mixOf({ sections }: NegotiatedMedia): string {
  const mixes = sections.flatMap(({ mid, mix }) => (mix ? [{ mid, ...mix }] : []));
  return JSON.stringify(mixes);
}

function randomSsrc(): number {
  return randomInt(1, 0xffff_fffe);
}

/** One person or bot in a room: their connection, what they send, what they receive, and their state. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { TesseraError } from '../errors.js';
import type { MixSettings, SourceId } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import { PeerTransport, type PeerTransportOptions } from '../peer/peer-transport.js';
import { writeAnswer } from '../peer/sdp-answer.js';
import { type IceCredentials, writeSdpFragment } from '../peer/sdp-fragment.js';
import { type ParsedOffer, parseOffer } from '../peer/sdp-offer.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import type { Role } from '../protocol/participants.js';
import { PeerReceiver } from '../receive/peer-receiver.js';
import { BT601 } from '../rtp/colour-space.js';
import type { LocalStreams } from '../rtp/negotiated-media.js';
import { parseRtcp } from '../rtp/rtcp.js';
import { nowMicros } from '../util/clock.js';
import { TokenBucket } from '../util/token-bucket.js';
import type { Micros } from '../util/units.js';
import type { Grant, PublishSource } from './grant.js';
import type { ConnectionState } from './participant-info.js';
import { ParticipantOutput } from './participant-output.js';
import { checkLimits, type ReceiveLimits } from './receive-limits.js';
import { AUDIO_ONLY, renditionName } from './renditions.js';
import type { RoomPipeline } from './room-pipeline.js';
import type { MemberUpdate } from './room-update.js';

/** Without a single authenticated datagram for so long, a connection counts as lost. */
export const SILENCE_LIMIT: Micros = 3_500_000;

/** ICE and DTLS must be through within this of the first offer. */
const CONNECT_LIMIT: Micros = 20_000_000;

/** Feedback on everything in every packet would be less. */
const MAX_RTCP_PER_SECOND = 500;

export interface ParticipantOptions {
  readonly name: string;
  readonly grant: Grant;
  /** They came to watch, whatever they may do besides. */
  readonly viewer: boolean;
  readonly sourceId: SourceId;
  readonly screenSourceId: SourceId;
  readonly transport: PeerTransportOptions;
  /** Codecs for the composite, best first. */
  readonly videoCodecs: readonly CompositeCodec[];
  readonly mix: MixSettings;
  /** Ask them not to send silence. */
  readonly dtx: boolean;
}

/** What is left out stays as it is. */
export interface MuteState {
  readonly mic?: boolean | undefined;
  readonly camera?: boolean | undefined;
  readonly screen?: boolean | undefined;
}

export interface ParticipantEvents {
  /** Something changed that others learn, or that the composite shows. */
  onChanged(): void;
  tell(update: MemberUpdate): void;
}

function randomSsrc(): number {
  return randomInt(1, 0xffff_fffe);
}

export class Participant {
  readonly id = randomUUID();
  /** Proves that a resuming socket belongs to this participant. */
  readonly resumeToken = randomBytes(24).toString('base64url');
  /** Who they are to the makers of tokens; their own id without a token. */
  readonly identity: string;
  readonly grant: Grant;
  readonly joinedAt = Date.now();
  /** Grows with each change of name, role or gain. */
  version = 1;
  name: string;
  role: Role;
  readonly sourceId: SourceId;
  /** Of what they share. */
  readonly screenSourceId: SourceId;
  /** Of their sound in the mix; 0 leaves it as it is. */
  gainDb = 0;
  micOn = true;
  cameraOn = true;
  screenOn = false;
  /** Name of the image that is shown while their camera is off. */
  avatar: string | undefined;
  connectionState: ConnectionState = 'new';
  output: ParticipantOutput | undefined;
  /** A host who came to watch. */
  private readonly watchesOnly: boolean;
  private readonly streams: LocalStreams;
  private readonly receiver: PeerReceiver;
  private transport: PeerTransport | undefined;
  private opening: Promise<PeerTransport> | undefined;
  private offer: ParsedOffer | undefined;
  private sendsCamera = false;
  private sendsScreen = false;
  private tooLargeTold = false;
  private receiveLimits: ReceiveLimits = {};
  private sparesBest = false;
  /** The last size that was announced. */
  private cameraSize = '';
  private readonly rtcpLimit = new TokenBucket(MAX_RTCP_PER_SECOND);
  private readonly counters = { rtcp_rate_limited: 0 };
  private connectingSince: Micros = 0;
  private closed = false;

  constructor(
    private readonly options: ParticipantOptions,
    private readonly pipeline: RoomPipeline,
    private readonly events: ParticipantEvents,
    private readonly logger: Logger,
  ) {
    this.name = options.name;
    this.grant = options.grant;
    this.identity = options.grant.identity ?? this.id;
    this.role =
      options.viewer && options.grant.role === 'participant' ? 'viewer' : options.grant.role;
    this.watchesOnly = options.viewer;
    this.sourceId = options.sourceId;
    this.screenSourceId = options.screenSourceId;
    this.streams = {
      cname: randomBytes(9).toString('base64url'),
      audioSsrc: randomSsrc(),
      videoSsrc: randomSsrc(),
      videoRtxSsrc: randomSsrc(),
    };
    this.receiver = new PeerReceiver(randomSsrc(), this.streams.cname, {
      onAudio: ({ payload, ...packet }, use) => {
        const isScreen = use === 'screen-audio';
        if (isScreen ? !this.sharesScreen : this.viewer || !this.mayPublish('microphone')) return;
        this.pipeline.receive({
          kind: 'audio-in',
          source: isScreen ? this.screenSourceId : this.sourceId,
          ...packet,
          data: payload,
        });
      },
      onVideo: (frame, captureMicros, use) => {
        const { codec, keyframe, data, colourSpace = BT601, rotation } = frame;
        const arrivalMicros = nowMicros();
        this.tooLargeTold = false;
        const isScreen = use === 'screen';
        if (isScreen ? !this.sharesScreen : this.viewer || !this.mayPublish('camera')) return;
        this.pipeline.stages.observe('reorder', arrivalMicros - frame.firstArrivalMicros);
        this.pipeline.receive({
          kind: 'video-in',
          source: isScreen ? this.screenSourceId : this.sourceId,
          codec,
          keyframe,
          colourSpace,
          rotation,
          arrivalMicros,
          captureMicros,
          data,
        });
      },
      onTooLarge: (size) => this.tellTooLarge(size),
      sendRtcp: (packets) => this.transport?.sendRtcp(packets),
    });
  }

  /** Nothing of theirs is decoded. */
  get viewer(): boolean {
    const { role, watchesOnly, grant } = this;
    return role === 'viewer' || (watchesOnly && role === 'host') || grant.sources.size === 0;
  }

  get micHeard(): boolean {
    return this.micOn && this.mayPublish('microphone');
  }

  /** Whether the picture has a tile for them. */
  get visible(): boolean {
    return !this.viewer && this.connectionState !== 'failed';
  }

  /** Whether their tile may show camera pictures. */
  get cameraShown(): boolean {
    return this.cameraOn && this.sendsCamera && this.mayPublish('camera');
  }

  /** Whether the picture has a tile for their screen. */
  get sharesScreen(): boolean {
    return this.visible && this.screenOn && this.sendsScreen && this.mayPublish('screen_share');
  }

  /** What the m-lines of their offer are for. */
  get uses(): ReadonlySet<string> {
    return new Set(this.offer?.media.sections.map(({ use }) => use));
  }

  get remoteUsernameFragment(): string | undefined {
    return this.offer?.remote.usernameFragment;
  }

  /** Gives ICE new credentials on both sides. @returns ours, with all candidates. */
  async restartIce(credentials: IceCredentials, candidates: readonly string[]): Promise<string> {
    const { offer, transport } = this;
    if (!offer || !transport) throw new TesseraError('out_of_order', 'there was no offer yet');
    this.offer = { ...offer, remote: { ...offer.remote, ...credentials } };
    await transport.start(this.offer.remote);
    for (const candidate of candidates) this.addCandidate(candidate);
    const mid = offer.media.sections[0]?.mid ?? '0';
    return writeSdpFragment(transport.localParameters, mid, transport.localCandidates());
  }

  /** Answers an offer: the first opens the connection, later ones change or restart it. */
  async negotiate(sdp: string, { allCandidates = false } = {}): Promise<string> {
    const offer = parseOffer(sdp, this.options.videoCodecs);
    this.offer = offer;
    const transport = await this.openTransport();
    if (this.closed) throw new TesseraError('out_of_order', 'the participant has left');
    await transport.start(offer.remote);
    if (allCandidates) await transport.gathered;
    for (const candidate of offer.candidates) transport.addRemoteCandidate(candidate);
    this.receiver.negotiated(offer.media);
    const { sections } = offer.media;
    this.sendsCamera = sections.some(({ use }) => use === 'camera');
    this.sendsScreen = sections.some(({ use }) => use === 'screen');
    const data = sections.find(({ use }) => use === 'data');
    if (data?.sctpPort !== undefined) this.openData(transport, data.sctpPort);
    // Later offers change or restart a connection that is there: what arrives tells how it is.
    if (this.connectionState !== 'new') this.events.onChanged();
    else {
      this.connectingSince = nowMicros();
      this.setState('connecting');
    }
    return writeAnswer(
      offer,
      { ...transport.localParameters, candidates: transport.localCandidates() },
      this.streams,
      { dtx: this.options.dtx },
    );
  }

  /** @returns false if there is no data channel, or it is not open. */
  sendData(text: string): boolean {
    return this.transport?.sendData(text) ?? false;
  }

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

  setMuted(state: MuteState): void {
    if (state.screen && !this.mayPublish('screen_share')) {
      throw new TesseraError('forbidden', 'the token does not allow to share a screen');
    }
    this.micOn = state.mic ?? this.micOn;
    this.cameraOn = state.camera ?? this.cameraOn;
    this.screenOn = state.screen ?? this.screenOn;
    if (state.camera) this.requestKeyframe('camera', nowMicros());
    if (state.screen) this.requestKeyframe('screen', nowMicros());
    this.events.onChanged();
  }

  /** They have no use for more. @throws TesseraError `unknown_rendition`. */
  setReceiveLimits(limits: ReceiveLimits): void {
    checkLimits(limits, this.options.mix);
    this.receiveLimits = limits;
    this.limitOutput();
  }

  /** The best rendition is not encoded for now, or is again. */
  spareBest(spare: boolean): void {
    this.sparesBest = spare;
    this.limitOutput();
  }

  private limitOutput(): void {
    this.output?.limit(this.receiveLimits, nowMicros(), this.sparesBest);
  }

  requestKeyframe(of: 'camera' | 'screen', now: Micros): void {
    this.receiver.requestKeyframe(of, now);
  }

  /** Pixels of their tile; undefined while they have none. */
  showCameraAt(tile: { width: number; height: number } | undefined): void {
    this.receiver.showCameraAt(tile, nowMicros());
    const [width, height] = [Math.round(tile?.width ?? 0), Math.round(tile?.height ?? 0)];
    const size = `${width}x${height}`;
    if (size === this.cameraSize) return;
    this.cameraSize = size;
    this.events.tell({ type: 'cameraShown', width, height });
  }

  /** Called every few tens of milliseconds. */
  tick(now: Micros): void {
    const { transport } = this;
    if (!transport) return;
    this.output?.tick(now);
    const roundTrip = this.output?.roundTripMicros || transport.roundTripMicros;
    this.receiver.tick(now, roundTrip, this.output?.estimateBps ?? Number.POSITIVE_INFINITY);
    if (this.connectionState === 'connecting' && now - this.connectingSince > CONNECT_LIMIT) {
      this.failed('timeout');
      return;
    }
    const silent = transport.lastReceivedAt > 0 && now - transport.lastReceivedAt > SILENCE_LIMIT;
    if (silent && this.connectionState === 'connected') this.setState('interrupted');
    else if (!silent && this.connectionState === 'interrupted') this.setState('connected');
  }

  /** Runs something for this participant. A fault of ours in it ends their call and nobody else's. */
  guarding(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.logger.error({ error, participant: this.id }, 'a participant broke');
      this.failed('internal_error');
    }
  }

  counts(): Record<string, number> {
    return {
      ...this.counters,
      ...this.pipeline.sourceCounters(this.sourceId),
      ...this.receiver.snapshot(),
      ...this.transport?.snapshot(),
      ...this.output?.counts(),
    };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.dropOutput();
    await this.opening?.catch(() => undefined);
    await this.transport?.close();
  }

  private mayPublish(source: PublishSource): boolean {
    return this.grant.sources.has(source);
  }

  private openData(transport: PeerTransport, remotePort: number): void {
    transport.openData(remotePort, {
      onOpen: () => this.logger.debug({ participant: this.id }, 'data channel open'),
      onMessage: (text) => this.events.tell({ type: 'data', text }),
      onClosed: (reason) =>
        this.logger.info({ participant: this.id, reason }, 'data channel closed'),
    });
  }

  private openTransport(): Promise<PeerTransport> {
    this.opening ??= PeerTransport.open(this.options.transport, {
      onRtp: (packet) => this.receiver.rtp(packet, nowMicros()),
      onRtcp: (compound) => this.receiveRtcp(compound),
      onCandidate: (candidate) => this.events.tell({ type: 'candidate', candidate }),
      onConnected: () => this.connected(),
      onFailed: (reason) => this.failed(reason),
      onListenerError: (error) =>
        this.logger.error({ error, participant: this.id }, 'listener failed'),
    }).then((transport) => {
      this.transport = transport;
      return transport;
    });
    return this.opening;
  }

  private connected(): void {
    if (!this.transport || !this.offer || this.closed) return;
    if (!this.grant.canSubscribe) {
      this.setState('connected');
      return;
    }
    const output: ParticipantOutput = new ParticipantOutput(
      `participant ${this.id}`,
      this.sourceId,
      this.offer.media,
      this.streams,
      this.options.mix,
      this.transport,
      {
        onDemandChanged: () => this.pipeline.demandChanged(output),
        requestKeyframe: (video, urgent) => this.pipeline.requestKeyframe(video, urgent),
        onRendition: (index) =>
          this.events.tell({ type: 'rendition', rendition: this.nameOf(index) }),
        onFault: () => this.failed('internal_error'),
      },
    );
    this.output = output;
    this.limitOutput();
    this.pipeline.addOutput(output);
    this.setState('connected');
    for (const video of output.watched) this.pipeline.requestKeyframe(video, true);
  }

  private dropOutput(): void {
    if (this.output) this.pipeline.removeOutput(this.output);
    this.output = undefined;
  }

  private nameOf(rendition: number | undefined): string {
    const found = rendition === undefined ? undefined : this.options.mix.renditions[rendition];
    return found ? renditionName(found) : AUDIO_ONLY;
  }

  private failed(reason: string): void {
    if (this.connectionState === 'failed' || this.closed) return;
    this.logger.info({ participant: this.id, reason }, 'connection failed');
    this.dropOutput();
    this.setState('failed');
    const error = new TesseraError('connection_failed', `the media connection failed (${reason})`, {
      next: 'Join again; if it fails again, a firewall may be in the way: configure a TURN server.',
    });
    this.events.tell({ type: 'error', error });
  }

  private receiveRtcp(compound: Buffer): void {
    const now = nowMicros();
    if (!this.rtcpLimit.take(now)) {
      this.counters.rtcp_rate_limited++;
      return;
    }
    for (const packet of parseRtcp(compound)) {
      this.receiver.rtcp(packet, now);
      this.output?.rtcp(packet, now);
    }
  }

  private tellTooLarge({ width, height }: { width: number; height: number }): void {
    if (this.tooLargeTold) return;
    this.tooLargeTold = true;
    const error = new TesseraError(
      'video_too_large',
      `video of ${width}x${height} is not accepted`,
      {
        next: 'Send at most 1920x1200.',
      },
    );
    this.events.tell({ type: 'error', error });
  }

  private setState(state: ConnectionState): void {
    if (this.connectionState === state || this.closed) return;
    this.connectionState = state;
    this.events.tell({ type: 'connection', state });
    this.events.onChanged();
  }
}

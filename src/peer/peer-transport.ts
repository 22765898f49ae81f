/**
 * One connection to a client: ICE and DTLS by werift, guarded at the socket; SRTP by us.
 * Callers may rely on: `onRtp` and `onRtcp` give authenticated, decrypted packets only, each once;
 * listeners never throw into werift; `close()` is idempotent and leaves no socket or timer.
 */
import {
  type Connection,
  IceCandidate,
  type RTCCertificate,
  RTCDtlsFingerprint,
  RTCDtlsParameters,
  RTCIceGatherer,
  RTCIceParameters,
  RTCIceTransport,
  type StunProtocol,
} from 'werift';
import { nowMicros } from '../util/clock.js';
import type { Micros } from '../util/units.js';
import { type CandidatePolicy, mayProbe } from './candidate-filter.js';
import { DataAssociation, type DataAssociationEvents } from './data-association.js';
import { DatagramGuard } from './datagram-guard.js';
import { DtlsTransport, localCertificate, SRTP_PROFILES } from './dtls-transport.js';
import { HelloVerifier } from './hello-verifier.js';
import { guardTcp, isTcp, sendOverTcp } from './ice-tcp.js';
import { MediaPath, type RemoteAddress } from './media-path.js';
import type { SrtpSession } from './srtp-session.js';
import type { ConnectionInternals, Datagrams, DtlsInternals } from './werift-internals.js';

export interface PeerTransportOptions {
  /** Addresses offered as candidates besides those of the network interfaces. */
  readonly additionalAddresses: readonly string[];
  /** First and last UDP port to use; undefined lets the system choose. */
  readonly portRange: readonly [number, number] | undefined;
  readonly useIpv6: boolean;
  /** Listen for ICE over TCP as well (RFC 6544), passively. */
  readonly useTcp: boolean;
  readonly candidatePolicy: CandidatePolicy;
}

export interface PeerTransportEvents {
  onRtp(packet: Buffer): void;
  onRtcp(compound: Buffer): void;
  /** A candidate of ours, as an SDP attribute value without `a=`, found after `localCandidates` was read. */
  onCandidate(candidate: string): void;
  onConnected(): void;
  /** ICE or DTLS failed for good, or the peer closed. Called at most once. */
  onFailed(reason: string): void;
  onListenerError(error: unknown): void;
}

export interface RemoteTransportParameters {
  readonly usernameFragment: string;
  readonly password: string;
  readonly fingerprints: readonly { algorithm: string; value: string }[];
  /** The DTLS role that we take. */
  readonly localRole: 'client' | 'server';
}

/** DTLS datagrams that came before the handshake could start; a ClientHello, mostly. */
const MAX_EARLY_DTLS = 8;
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** A candidate's SDP attribute value, without `candidate:`; werift's JSON has it with or without. */
function candidateValue(candidate: IceCandidate): string {
  return candidate.toJSON().candidate.replace(/^candidate:/, '');
}

/** Of the client, from its offer and after it. */
const MAX_CANDIDATES = 64;

/** We connect to nobody over TCP: only the candidates that wait for a connection are of use. */
function isOffered(candidate: IceCandidate): boolean {
  return candidate.tcpType !== 'active';
}

export class PeerTransport {
  /** When the last authenticated datagram of any kind came; 0 before the first. */
  lastReceivedAt: Micros = 0;
  readonly counters = {
    datagrams_received: 0,
    ice_candidates_over_limit: 0,
    datagrams_sent: 0,
    datagrams_not_sent: 0,
    dtls_hellos_refused: 0,
  };
  private readonly gatherer: RTCIceGatherer;
  private readonly ice: RTCIceTransport;
  private readonly dtls: DtlsTransport;
  private readonly guard: DatagramGuard;
  private readonly path: MediaPath<StunProtocol>;
  /** The pair of ICE that the path has followed. */
  private followed: unknown;
  private readonly connection: Connection;
  private readonly guarded = new WeakSet<StunProtocol>();
  private readonly hellos = new HelloVerifier();
  private earlyDtls: (() => void)[] = [];
  private association: DataAssociation | undefined;
  private srtp: SrtpSession | undefined;
  /** Resolves when all our candidates are known. */
  gathered: Promise<void> = Promise.resolve();
  private candidatesRead = false;
  /** Of this generation, those left out too. */
  private remoteCandidates = 0;
  private dtlsStarted = false;
  private connected = false;
  private failed = false;
  private closed = false;

  private constructor(
    private readonly options: PeerTransportOptions,
    private readonly events: PeerTransportEvents,
    cert: RTCCertificate,
  ) {
    this.gatherer = new RTCIceGatherer({
      useIpv4: true,
      useIpv6: options.useIpv6,
      useTcp: options.useTcp,
      additionalHostAddresses: [...options.additionalAddresses],
      ...(options.portRange ? { portRange: [...options.portRange] as [number, number] } : {}),
    });
    this.connection = this.gatherer.connection as Connection;
    // werift would ask a public STUN server otherwise. A server does not need one.
    delete this.connection.stunServer;
    this.ice = new RTCIceTransport(this.gatherer);
    this.dtls = new DtlsTransport({}, this.ice, cert, SRTP_PROFILES);
    this.dtls.keysReady = (session) => {
      this.srtp = session;
      this.guard.handshakeDone(nowMicros());
    };
    this.guard = new DatagramGuard({
      passwordOf: (fragment) =>
        Object.hasOwn(this.connection.userHistory, fragment)
          ? this.connection.userHistory[fragment]
          : undefined,
      isPending: (id) => this.protocols().some((protocol) => id in protocol.transactions),
      mayHaveMoved: (now) => this.srtp !== undefined && this.path.isSilent(now),
    });
    this.path = new MediaPath<StunProtocol>({
      check: (address) => this.check(address),
      isValidated: (host, port) => this.guard.isValidated(host, port),
      now: nowMicros,
    });
    this.ice.onIceCandidate.subscribe((candidate) => {
      this.installGuards();
      if (candidate && this.candidatesRead && isOffered(candidate)) {
        this.guarding(() => this.events.onCandidate(`candidate:${candidateValue(candidate)}`));
      }
    });
    this.ice.onStateChange.subscribe((state) => {
      // Once connected, lost consent is for an ICE restart to mend; the silence watchdog tells it.
      if (state === 'failed' && !this.connected) this.fail('ice_failed');
    });
    this.dtls.onStateChange.subscribe((state) => {
      if (state === 'failed' || state === 'closed') this.fail(`dtls_${state}`);
    });
  }

  /** Begins to open sockets and to gather host candidates; those found later are trickled. */
  static async open(
    options: PeerTransportOptions,
    events: PeerTransportEvents,
  ): Promise<PeerTransport> {
    const transport = new PeerTransport(options, events, await localCertificate());
    transport.gathered = transport.gather();
    transport.gathered.catch((error: unknown) => events.onListenerError(error));
    return transport;
  }

  get localParameters(): { usernameFragment: string; password: string; fingerprint: string } {
    const { usernameFragment, password } = this.ice.localParameters;
    const fingerprint = this.dtls.localParameters.fingerprints[0] as RTCDtlsFingerprint;
    return { usernameFragment, password, fingerprint: fingerprint.value };
  }

  /** Our candidates so far as SDP attribute values, without `a=candidate:`; later ones are events. */
  localCandidates(): string[] {
    this.candidatesRead = true;
    return this.ice.localCandidates.filter(isOffered).map(candidateValue);
  }

  /** Begins, or with new credentials restarts, ICE; the first time DTLS follows. */
  async start(remote: RemoteTransportParameters): Promise<void> {
    const restarting = this.connection.remoteUsername !== '';
    if (restarting && this.connection.remoteUsername === remote.usernameFragment) return;
    this.ice.setRemoteParams(
      new RTCIceParameters({
        usernameFragment: remote.usernameFragment,
        password: remote.password,
        iceLite: false,
      }),
    );
    this.remoteCandidates = 0;
    if (restarting) {
      this.candidatesRead = false;
      await this.gather();
    } else {
      this.dtls.role = remote.localRole;
      this.dtls.setRemoteParams(
        new RTCDtlsParameters(
          remote.fingerprints.map(
            ({ algorithm, value }) => new RTCDtlsFingerprint(algorithm, value),
          ),
          remote.localRole === 'server' ? 'client' : 'server',
        ),
      );
    }
    this.connect().catch((error: unknown) => {
      if (!this.connected) this.fail(error instanceof Error ? error.message : String(error));
    });
  }

  /** @returns false if the candidate is malformed; one that policy refuses is left out silently. */
  addRemoteCandidate(candidate: string): boolean {
    if (this.closed || candidate === '') return true;
    const parsed = IceCandidate.fromJSON({ candidate, sdpMid: '0', sdpMLineIndex: 0 });
    if (!parsed) return false;
    if (this.remoteCandidates >= MAX_CANDIDATES) {
      this.counters.ice_candidates_over_limit++;
      return true;
    }
    this.remoteCandidates++;
    if (parsed.protocol.toLowerCase() !== 'udp') return true;
    if (!mayProbe(parsed.ip, parsed.port, this.options.candidatePolicy)) return true;
    this.ice
      .addRemoteCandidate(parsed)
      ?.catch((error: unknown) => this.events.onListenerError(error));
    return true;
  }

  /**
   * Encrypts and sends an RTP packet; counted and left out while there is no way to the client.
   * @param packet memory with SRTP_ROOM bytes more than `length`, written to.
   */
  sendRtp(packet: Buffer, length: number, headerLength: number): boolean {
    if (!this.srtp) return false;
    return this.sendDatagram(this.srtp.protect(packet, length, headerLength));
  }

  /**
   * Opens the data channel, once; before or after the connection is there.
   * @param remotePort SCTP port of the client.
   */
  openData(remotePort: number, events: DataAssociationEvents): void {
    if (this.closed || this.association) return;
    this.association = new DataAssociation(this.dtls, events);
    this.association
      .start(remotePort)
      .catch((error: unknown) => this.events.onListenerError(error));
  }

  /** @returns false if there is no data channel, or it is not open. */
  sendData(text: string): boolean {
    return this.association?.send(text) ?? false;
  }

  sendRtcp(compound: Buffer): boolean {
    if (!this.srtp) return false;
    return this.sendDatagram(this.srtp.protectRtcp(compound));
  }

  /** Counters of the guard, SRTP and the sockets, by metric name. */
  counts(): Record<string, number> {
    return {
      ...this.counters,
      ...this.path.counters,
      ...this.guard.counters,
      ...this.srtp?.counters,
      ...this.association?.counters,
    };
  }

  /** Round-trip time of the last connectivity or consent check in microseconds; 0 if unknown. */
  get roundTripMicros(): Micros {
    return Math.round((this.connection.nominated?.rtt ?? 0) * 1_000_000);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.earlyDtls = [];
    // A socket that is still being opened could not be closed.
    await this.gathered.catch(() => undefined);
    await this.association?.close();
    await this.dtls.stop();
  }

  private async gather(): Promise<void> {
    await this.ice.gather();
    this.installGuards();
  }

  private async connect(): Promise<void> {
    await this.ice.start();
    if (this.closed || this.dtlsStarted) return;
    this.dtlsStarted = true;
    const started = this.dtls.start();
    // The DTLS socket listens since start() was called: hand it what came too early.
    for (const deliver of this.earlyDtls.splice(0)) deliver();
    await started;
    if (this.closed || this.connected) return;
    this.connected = true;
    this.guarding(() => this.events.onConnected());
  }

  private protocols(): StunProtocol[] {
    return (this.connection as unknown as ConnectionInternals).protocols;
  }

  private installGuards(): void {
    for (const protocol of this.protocols()) {
      if (this.guarded.has(protocol)) continue;
      if (isTcp(protocol)) {
        this.guarded.add(protocol);
        guardTcp(protocol, (data, address, toWerift) =>
          this.receive(data, address, protocol, toWerift),
        );
        continue;
      }
      const transport = protocol.transport as unknown as Datagrams | undefined;
      if (!transport) continue;
      this.guarded.add(protocol);
      transport.socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      const toWerift = transport.onData;
      transport.onData = (data, address) => this.receive(data, address, protocol, toWerift);
    }
  }

  private receive(
    data: Buffer,
    address: [string, number],
    protocol: StunProtocol,
    toWerift: Datagrams['onData'],
  ): void {
    if (this.closed) return;
    this.counters.datagrams_received++;
    const now = nowMicros();
    const verdict = this.guard.judge(data, address[0], address[1], now);
    if (verdict === 'drop') return;
    if (verdict === 'media') {
      this.guarding(() => this.receiveMedia(data, address, protocol, now));
      return;
    }
    if (verdict === 'stun' || verdict === 'nomination') {
      this.lastReceivedAt = now;
      this.path.checked(protocol, address[0], address[1], verdict === 'nomination', now);
    }
    if (verdict === 'dtls') this.receiveDtls(data, address, protocol);
    else toWerift(data, address);
  }

  private receiveDtls(data: Buffer, [host, port]: [string, number], protocol: StunProtocol): void {
    const hello = this.hellos.judge(data, `${host}/${port}`);
    if (hello.kind === 'refuse') {
      this.counters.dtls_hellos_refused++;
      return;
    }
    if (hello.kind === 'verify') {
      this.sendTo({ socket: protocol, host, port }, hello.reply);
      return;
    }
    const deliver = () => {
      if (hello.kind === 'accept') this.prepareHandshake(hello, protocol);
      protocol.onDataReceived.execute(data);
    };
    if (this.dtlsStarted) deliver();
    else if (this.earlyDtls.length < MAX_EARLY_DTLS) this.earlyDtls.push(deliver);
  }

  /** Brings werift to where it would be had it made the cookie exchange itself. */
  private prepareHandshake(
    hello: { first: Buffer; cookie: Buffer; recordSequence: number },
    protocol: StunProtocol,
  ): void {
    const context = (this.dtls.dtls as unknown as DtlsInternals).dtls;
    context.cookie = hello.cookie;
    const { send } = this.connection;
    // The client has its answer to the first hello.
    this.connection.send = async () => {};
    protocol.onDataReceived.execute(hello.first);
    this.connection.send = send;
    context.recordSequenceNumber = Math.max(context.recordSequenceNumber, hello.recordSequence);
  }

  private receiveMedia(
    data: Buffer,
    address: [string, number],
    protocol: StunProtocol,
    now: Micros,
  ): void {
    if (!this.srtp) return;
    // RTCP packet types 192 to 223, multiplexed on the same port (RFC 5761, 4).
    const second = data[1] ?? 0;
    const isRtcp = second >= 192 && second <= 223;
    const plain = isRtcp ? this.srtp.unprotectRtcp(data) : this.srtp.unprotect(data);
    if (!plain) return;
    this.lastReceivedAt = now;
    this.path.heard(protocol, address[0], address[1], now);
    if (isRtcp) this.events.onRtcp(plain);
    else this.events.onRtp(plain);
  }

  private sendDatagram(data: Buffer): boolean {
    const pair = this.connection.nominated;
    if (pair && pair !== this.followed) {
      this.followed = pair;
      const [host, port] = pair.remoteAddr;
      this.path.chosen(
        { socket: pair.protocol as unknown as StunProtocol, host, port },
        nowMicros(),
      );
    }
    const { address } = this.path;
    const sent = address !== undefined && this.sendTo(address, data);
    if (sent) this.counters.datagrams_sent++;
    else this.counters.datagrams_not_sent++;
    return sent;
  }

  private sendTo({ socket, host, port }: RemoteAddress<StunProtocol>, data: Buffer): boolean {
    if (isTcp(socket)) return sendOverTcp(socket, host, port, data);
    const transport = socket.transport as unknown as Datagrams | undefined;
    if (!transport || transport.closed) return false;
    transport.socket.send(data, port, host);
    return true;
  }

  /** A connectivity check of ours outside of werift's lists; its answer must come from the address. */
  private async check({ socket, host, port }: RemoteAddress<StunProtocol>): Promise<void> {
    const { connection } = this;
    const { localCandidate } = socket;
    const request = (connection as unknown as ConnectionInternals).buildRequest({
      nominate: false,
      localUsername: connection.localUsername,
      remoteUsername: connection.remoteUsername,
      iceControlling: connection.iceControlling,
      localCandidate,
    });
    const [, [from, fromPort]] = await socket.request(
      request,
      [host, port],
      Buffer.from(connection.remotePassword, 'utf8'),
      1,
    );
    if (from !== host || fromPort !== port) throw new Error('answered from elsewhere');
  }

  private fail(reason: string): void {
    if (this.closed || this.failed) return;
    this.failed = true;
    this.guarding(() => this.events.onFailed(reason));
  }

  private guarding(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.events.onListenerError(error);
    }
  }
}

/**
 * One connection to a client: ICE and DTLS by werift, guarded at the sockets; SRTP by us.
 * Callers may rely on: `onRtp` and `onRtcp` give authenticated, decrypted packets only, each once;
 * listeners never throw into werift; `close()` is idempotent and leaves no socket or timer.
 */
import {
  type Connection,
  type IceCandidate,
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
import type { CandidatePolicy } from './candidate-filter.js';
import { DataAssociation, type DataAssociationEvents } from './data-association.js';
import { DatagramGuard } from './datagram-guard.js';
import { DtlsIntake } from './dtls-intake.js';
import { DtlsTransport, localCertificate, SRTP_PROFILES } from './dtls-transport.js';
import { IceSockets, type ReceivedDatagram } from './ice-sockets.js';
import {
  type AddressOrder,
  bridgeAddresses,
  defaultAddresses,
  inOrder,
} from './local-addresses.js';
import { MediaPath } from './media-path.js';
import { RemoteCandidates } from './remote-candidates.js';
import type { SrtpSession } from './srtp-session.js';
import {
  NO_DATA,
  NO_SRTP,
  type PeerTransportCounters,
  type SocketCounters,
} from './transport-counters.js';

export interface PeerTransportOptions {
  /** Addresses offered as candidates besides those of the network interfaces. */
  readonly additionalAddresses: readonly string[];
  /** First and last UDP port to use; undefined lets the system choose. */
  readonly portRange: readonly [number, number] | undefined;
  readonly useIpv6: boolean;
  /** Listen for ICE over TCP as well (RFC 6544), passively. */
  readonly useTcp: boolean;
  readonly candidatePolicy: CandidatePolicy;
  /** Our address to which the client's first request came; undefined behind a proxy. */
  readonly reachedAt?: string | undefined;
}

export interface PeerTransportEvents {
  onRtp(packet: Buffer): void;
  onRtcp(compound: Buffer): void;
  /** A local candidate found after `localCandidates` was read; an SDP attribute value without `a=`. */
  onCandidate(candidate: string): void;
  onConnected(): void;
  /** ICE or DTLS failed for good, or the client closed. Called at most once. */
  onFailed(reason: string): void;
  onListenerError(error: unknown): void;
}

export interface RemoteTransportParameters {
  readonly usernameFragment: string;
  readonly password: string;
  readonly fingerprints: readonly { algorithm: string; value: string }[];
  /** The server's DTLS role. */
  readonly localRole: 'client' | 'server';
  /** The client makes no connectivity checks (RFC 8445, 2.5). */
  readonly iceLite: boolean;
}

/** A candidate's SDP attribute value without `candidate:`, which werift's JSON has or has not. */
function candidateValue(candidate: IceCandidate): string {
  return candidate.toJSON().candidate.replace(/^candidate:/, '');
}

/** The server opens no TCP connections itself, so it offers only candidates that wait for one. */
function isOffered(candidate: IceCandidate): boolean {
  return candidate.tcpType !== 'active';
}

export class PeerTransport {
  /** When the last authenticated datagram of any kind arrived; 0 before the first. */
  lastReceivedAt: Micros = 0;
  private readonly counters: SocketCounters = {
    datagrams_received: 0,
    datagrams_sent: 0,
    datagrams_not_sent: 0,
  };
  private readonly gatherer: RTCIceGatherer;
  private readonly ice: RTCIceTransport;
  private readonly dtls: DtlsTransport;
  private readonly dtlsIntake: DtlsIntake;
  private readonly sockets: IceSockets;
  private readonly remoteCandidates: RemoteCandidates;
  private readonly guard: DatagramGuard;
  private readonly path: MediaPath<StunProtocol>;
  /** The nominated pair of ICE that the path was last set to. */
  private followed: unknown;
  private readonly connection: Connection;
  private association: DataAssociation | undefined;
  private srtp: SrtpSession | undefined;
  /** Resolves when all local candidates are known. */
  gathered: Promise<void> = Promise.resolve();
  private candidatesRead = false;
  private readonly order: AddressOrder;
  private dtlsStarted = false;
  private connected = false;
  private failed = false;
  private closed = false;

  private constructor(
    options: PeerTransportOptions,
    private readonly events: PeerTransportEvents,
    cert: RTCCertificate,
    defaults: readonly string[],
  ) {
    this.order = {
      advertised: options.additionalAddresses,
      reachedAt: options.reachedAt,
      defaults,
      bridges: bridgeAddresses(),
    };
    this.gatherer = new RTCIceGatherer({
      useIpv4: true,
      useIpv6: options.useIpv6,
      useTcp: options.useTcp,
      additionalHostAddresses: [...options.additionalAddresses],
      ...(options.portRange ? { portRange: [...options.portRange] as [number, number] } : {}),
    });
    this.connection = this.gatherer.connection as Connection;
    // Without this, werift asks a public STUN server. A server does not need one.
    delete this.connection.stunServer;
    this.ice = new RTCIceTransport(this.gatherer);
    this.sockets = new IceSockets(this.connection, (datagram) => this.receive(datagram));
    this.remoteCandidates = new RemoteCandidates(this.ice, options.candidatePolicy, (error) =>
      events.onListenerError(error),
    );
    this.dtls = new DtlsTransport({}, this.ice, cert, SRTP_PROFILES);
    this.dtlsIntake = new DtlsIntake(this.dtls, this.connection, (to, data) =>
      this.sockets.send(to, data),
    );
    this.dtls.keysReady = (session) => {
      this.srtp = session;
      this.guard.handshakeDone(nowMicros());
    };
    this.guard = new DatagramGuard({
      passwordOf: (fragment) =>
        Object.hasOwn(this.connection.userHistory, fragment)
          ? this.connection.userHistory[fragment]
          : undefined,
      isPending: (id) => this.sockets.isPending(id),
      remotePassword: () => this.connection.remotePassword,
      mayHaveMoved: (now) => this.srtp !== undefined && this.path.isSilent(now),
    });
    this.path = new MediaPath<StunProtocol>({
      check: (address) => this.sockets.check(address),
      isValidated: (host, port) => this.guard.isValidated(host, port),
      now: nowMicros,
    });
    this.ice.onIceCandidate.subscribe((candidate) => {
      this.sockets.guardNew();
      if (candidate && this.candidatesRead && isOffered(candidate)) {
        const [value] = inOrder([candidateValue(candidate)], this.order);
        this.guarding(() => this.events.onCandidate(`candidate:${value}`));
      }
    });
    this.ice.onStateChange.subscribe((state) => {
      // Once connected, an ICE restart mends lost consent; the silence watchdog reports it.
      if (state === 'failed' && !this.connected) this.fail('ice_failed');
    });
    this.dtls.onStateChange.subscribe((state) => {
      if (state === 'failed' || state === 'closed') this.fail(`dtls_${state}`);
    });
  }

  /** Starts to open sockets and to gather host candidates; later ones are trickled. */
  static async open(
    options: PeerTransportOptions,
    events: PeerTransportEvents,
  ): Promise<PeerTransport> {
    const [certificate, defaults] = await Promise.all([localCertificate(), defaultAddresses()]);
    const transport = new PeerTransport(options, events, certificate, defaults);
    transport.gathered = transport.gather();
    transport.gathered.catch((error: unknown) => events.onListenerError(error));
    return transport;
  }

  get localParameters(): { usernameFragment: string; password: string; fingerprint: string } {
    const { usernameFragment, password } = this.ice.localParameters;
    const fingerprint = this.dtls.localParameters.fingerprints[0] as RTCDtlsFingerprint;
    return { usernameFragment, password, fingerprint: fingerprint.value };
  }

  /**
   * Local candidates so far, the best first, as SDP attribute values without `a=candidate:`; later ones
   * are events.
   */
  localCandidates(): string[] {
    this.candidatesRead = true;
    return inOrder(this.ice.localCandidates.filter(isOffered).map(candidateValue), this.order);
  }

  /** Starts ICE and then DTLS; with new credentials restarts ICE. */
  async start(remote: RemoteTransportParameters): Promise<void> {
    const restarting = this.connection.remoteUsername !== '';
    if (restarting && this.connection.remoteUsername === remote.usernameFragment) return;
    this.ice.setRemoteParams(
      new RTCIceParameters({
        usernameFragment: remote.usernameFragment,
        password: remote.password,
        iceLite: remote.iceLite,
      }),
    );
    // The full agent controls (RFC 8445, 6.1.1); of two the one that offers, which is the client.
    this.connection.iceControlling = remote.iceLite;
    this.remoteCandidates.restart();
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

  /** @returns false if the candidate is malformed. One that policy refuses is ignored. */
  addRemoteCandidate(candidate: string): boolean {
    return this.closed || this.remoteCandidates.add(candidate);
  }

  /**
   * Encrypts and sends an RTP packet; drops and counts it while there is no way to the client.
   * @param packet its memory is overwritten and needs SRTP_TRAILER_BYTES more than `length`.
   */
  sendRtp(packet: Buffer, length: number, headerLength: number): boolean {
    if (!this.srtp) return false;
    return this.sendDatagram(this.srtp.protect(packet, length, headerLength));
  }

  /**
   * Opens the data channel once, before or after the connection is established.
   * @param remotePort SCTP port of the client.
   */
  openData(remotePort: number, events: DataAssociationEvents): void {
    if (this.closed || this.association) return;
    this.association = new DataAssociation(this.dtls, events);
    this.association
      .start(remotePort)
      .catch((error: unknown) => this.events.onListenerError(error));
  }

  /** @returns false if there is no open data channel. */
  sendData(text: string): boolean {
    return this.association?.send(text) ?? false;
  }

  sendRtcp(compound: Buffer): boolean {
    if (!this.srtp) return false;
    return this.sendDatagram(this.srtp.protectRtcp(compound));
  }

  snapshot(): PeerTransportCounters {
    return Object.assign({}, ...this.liveCounters()) as PeerTransportCounters;
  }

  /** The counters of its parts, as they are in use. */
  liveCounters(): readonly Partial<PeerTransportCounters>[] {
    return [
      this.counters,
      this.remoteCandidates.counters,
      this.dtlsIntake.counters,
      this.path.counters,
      this.guard.counters,
      this.srtp?.counters ?? NO_SRTP,
      this.association?.counters ?? NO_DATA,
    ] satisfies readonly Partial<PeerTransportCounters>[];
  }

  /** Round-trip time of the last connectivity or consent check in microseconds; 0 if unknown. */
  get roundTripMicros(): Micros {
    return Math.round((this.connection.nominated?.rtt ?? 0) * 1_000_000);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.dtlsIntake.close();
    // A socket that is still opening could not be closed.
    await this.gathered.catch(() => undefined);
    await this.association?.close();
    await this.dtls.stop();
  }

  private async gather(): Promise<void> {
    await this.ice.gather();
    this.sockets.guardNew();
  }

  private async connect(): Promise<void> {
    await this.ice.start();
    if (this.closed || this.dtlsStarted) return;
    this.dtlsStarted = true;
    const started = this.dtls.start();
    // werift listens since start() was called.
    this.dtlsIntake.start();
    await started;
    if (this.closed || this.connected) return;
    this.connected = true;
    this.guarding(() => this.events.onConnected());
  }

  private receive(datagram: ReceivedDatagram): void {
    if (this.closed) return;
    this.counters.datagrams_received++;
    const { data, host, port, socket } = datagram;
    const now = nowMicros();
    const verdict = this.guard.judge(data, host, port, now);
    if (verdict === 'drop') return;
    if (verdict === 'media') {
      this.guarding(() => this.receiveMedia(datagram, now));
      return;
    }
    if (verdict === 'dtls') {
      this.dtlsIntake.receive(datagram);
      return;
    }
    this.lastReceivedAt = now;
    this.path.checked(socket, host, port, verdict === 'nomination', now);
    datagram.toIce();
  }

  private receiveMedia({ data, host, port, socket }: ReceivedDatagram, now: Micros): void {
    if (!this.srtp) return;
    // RTCP has packet types 192 to 223 on the same port (RFC 5761, 4).
    const second = data[1] ?? 0;
    const isRtcp = second >= 192 && second <= 223;
    const plain = isRtcp ? this.srtp.unprotectRtcp(data) : this.srtp.unprotect(data);
    if (!plain) return;
    this.lastReceivedAt = now;
    this.path.heard(socket, host, port, now);
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
    const sent = address !== undefined && this.sockets.send(address, data);
    if (sent) this.counters.datagrams_sent++;
    else this.counters.datagrams_not_sent++;
    return sent;
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

/**
 * The way of DTLS datagrams into werift. Plaintext handshake messages can be forged, lost, cut and come in
 * any order, and werift bears none of it: here they are put together and proven, and werift gets a client's
 * handshake whole and in order. What comes before werift's handshake can start waits for it.
 */
import type { Connection, StunProtocol } from 'werift';
import { ClientFlight, type ProvenFlight } from './client-flight.js';
import { withoutCookie } from './client-hello.js';
import {
  CLIENT_HELLO,
  DTLS_HANDSHAKE,
  type DtlsRecord,
  fragmentsOf,
  type HandshakeFragment,
  type HandshakeMessage,
  handshakeRecord,
  recordsOf,
} from './dtls-records.js';
import type { DtlsTransport } from './dtls-transport.js';
import { HandshakeReassembler } from './handshake-reassembler.js';
import { type HelloVerdict, HelloVerifier } from './hello-verifier.js';
import type { ReceivedDatagram } from './ice-sockets.js';
import type { RemoteAddress } from './media-path.js';
import type { CachedHandshake, DtlsInternals } from './werift-internals.js';

/** Records that may come before the handshake starts: a ClientHello, and its repetitions. */
const MAX_EARLY = 8;
/** Encrypted records of a handshake whose plaintext part is not proven yet. */
const MAX_HELD = 4;
/** Key of our flight in werift's cache of handshake messages. */
const OWN_FLIGHT = 4;

export interface DtlsIntakeCounters {
  /** ClientHellos that are malformed, or show no knowledge of our cookie. */
  dtls_hellos_refused: number;
  /** Plaintext handshake records that are malformed, or belong to no message that is awaited. */
  dtls_fragments_refused: number;
}

export class DtlsIntake {
  readonly counters: DtlsIntakeCounters = { dtls_hellos_refused: 0, dtls_fragments_refused: 0 };
  private readonly hellos = new HelloVerifier();
  private readonly serverParts = new HandshakeReassembler();
  private flight: ClientFlight | undefined;
  private early: (() => void)[] = [];
  private held: (() => void)[] = [];
  private started = false;

  constructor(
    private readonly dtls: DtlsTransport,
    private readonly connection: Connection,
    private readonly reply: (to: RemoteAddress<StunProtocol>, data: Buffer) => void,
  ) {}

  receive(datagram: ReceivedDatagram): void {
    for (const record of recordsOf(datagram.data) ?? []) this.receiveRecord(record, datagram);
  }

  /** werift listens: gives it what came before, and everything from now on. */
  start(): void {
    this.started = true;
    for (const deliver of this.early.splice(0)) deliver();
  }

  close(): void {
    this.early = [];
    this.held = [];
  }

  private receiveRecord(record: DtlsRecord, from: ReceivedDatagram): void {
    const { type, epoch, payload, raw } = record;
    const pass = () => from.socket.onDataReceived.execute(raw);
    if (epoch === 0 && type === DTLS_HANDSHAKE) {
      const fragments = fragmentsOf(payload);
      if (!fragments) this.counters.dtls_fragments_refused++;
      for (const fragment of fragments ?? []) this.receiveFragment(fragment, record, from);
    } else if (epoch > 0 && this.dtls.role === 'server' && !this.flight?.isProven) {
      this.held.push(pass);
      if (this.held.length > MAX_HELD) this.held.shift();
    } else this.whenStarted(pass);
  }

  private receiveFragment(
    fragment: HandshakeFragment,
    record: DtlsRecord,
    { host, port, socket }: ReceivedDatagram,
  ): void {
    const deliver = (message: HandshakeMessage) =>
      socket.onDataReceived.execute(handshakeRecord(message));
    if (this.dtls.role === 'client') {
      for (const message of this.serverParts.add(fragment))
        this.whenStarted(() => deliver(message));
      return;
    }
    if (fragment.type !== CLIENT_HELLO) {
      const proven = this.flight?.add(fragment);
      if (!this.flight) this.counters.dtls_fragments_refused++;
      if (proven) this.whenStarted(() => this.deliverFlight(proven, deliver));
      return;
    }
    const verdict = this.hellos.judge(fragment, `${host}/${port}`);
    if (verdict.kind === 'refuse') this.counters.dtls_hellos_refused++;
    else if (verdict.kind === 'verify') this.reply({ socket, host, port }, verdict.reply);
    else if (verdict.kind === 'accept') {
      this.whenStarted(() => this.startHandshake(verdict, record.sequence, deliver));
    } else if (verdict.kind === 'repeat' && !this.flight?.isProven) {
      const [hello] = this.hellos.versions;
      if (hello) this.whenStarted(() => deliver(hello));
    }
  }

  private whenStarted(action: () => void): void {
    if (this.started) action();
    else if (this.early.length < MAX_EARLY) this.early.push(action);
  }

  /** Brings werift to the state in which it would be after a cookie exchange of its own, and goes on. */
  private startHandshake(
    { hello, start }: Extract<HelloVerdict, { kind: 'accept' }>,
    recordSequence: number,
    deliver: (message: HandshakeMessage) => void,
  ): void {
    const { context } = this;
    context.cookie = Buffer.from(start.cookie);
    const { send } = this.connection;
    // The client has its answer to the first hello already.
    this.connection.send = async () => {};
    deliver({ ...hello, message: 0, body: withoutCookie(hello.body, start) });
    this.connection.send = send;
    // Our next record must not have a lower number than the client's hello.
    context.recordSequenceNumber = Math.max(context.recordSequenceNumber, recordSequence);
    this.flight = new ClientFlight({
      helloMessage: hello.message,
      hellos: this.hellos.versions,
      ownFlight: () => this.ownFlight(),
    });
    deliver(hello);
  }

  private deliverFlight(
    { hello, messages }: ProvenFlight,
    deliver: (message: HandshakeMessage) => void,
  ): void {
    // The keys follow from the hello that the client signed.
    const cached = this.flightCache.find(({ msg_type }) => msg_type === CLIENT_HELLO);
    if (cached) cached.fragment = hello.body;
    for (const message of messages) deliver(message);
    for (const pass of this.held.splice(0)) pass();
  }

  private ownFlight(): Buffer {
    const own = this.flightCache.filter(({ msg_type }) => msg_type !== CLIENT_HELLO);
    const sorted = own.toSorted((a, b) => a.message_seq - b.message_seq);
    return Buffer.concat(sorted.map((message) => message.serialize()));
  }

  private get flightCache(): readonly CachedHandshake[] {
    return this.context.handshakeCache[OWN_FLIGHT]?.data ?? [];
  }

  private get context(): DtlsInternals['dtls'] {
    return (this.dtls.dtls as unknown as DtlsInternals).dtls;
  }
}

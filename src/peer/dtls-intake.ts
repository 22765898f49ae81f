/**
 * The way of DTLS datagrams into werift: the cookie exchange is ours, and what comes before werift's
 * handshake can start waits for it.
 */
import type { Connection, StunProtocol } from 'werift';
import type { DtlsTransport } from './dtls-transport.js';
import { HelloVerifier } from './hello-verifier.js';
import type { ReceivedDatagram } from './ice-sockets.js';
import type { RemoteAddress } from './media-path.js';
import type { DtlsInternals } from './werift-internals.js';

/** Datagrams that may come before the handshake starts: a ClientHello, and its repetitions. */
const MAX_EARLY = 8;

export interface DtlsIntakeCounters {
  /** ClientHellos that are malformed, or show no knowledge of our cookie. */
  dtls_hellos_refused: number;
}

export class DtlsIntake {
  readonly counters: DtlsIntakeCounters = { dtls_hellos_refused: 0 };
  private readonly hellos = new HelloVerifier();
  private early: (() => void)[] = [];
  private started = false;

  constructor(
    private readonly dtls: DtlsTransport,
    private readonly connection: Connection,
    private readonly reply: (to: RemoteAddress<StunProtocol>, data: Buffer) => void,
  ) {}

  receive({ data, host, port, socket }: ReceivedDatagram): void {
    const hello = this.hellos.judge(data, `${host}/${port}`);
    if (hello.kind === 'refuse') {
      this.counters.dtls_hellos_refused++;
      return;
    }
    if (hello.kind === 'verify') {
      this.reply({ socket, host, port }, hello.reply);
      return;
    }
    const deliver = () => {
      if (hello.kind === 'accept') this.prepareHandshake(hello, socket);
      socket.onDataReceived.execute(data);
    };
    if (this.started) deliver();
    else if (this.early.length < MAX_EARLY) this.early.push(deliver);
  }

  /** werift listens: gives it what came before, and everything from now on. */
  start(): void {
    this.started = true;
    for (const deliver of this.early.splice(0)) deliver();
  }

  close(): void {
    this.early = [];
  }

  /** Brings werift to the state in which it would be after a cookie exchange of its own. */
  private prepareHandshake(
    hello: { first: Buffer; cookie: Buffer; recordSequence: number },
    socket: StunProtocol,
  ): void {
    const context = (this.dtls.dtls as unknown as DtlsInternals).dtls;
    context.cookie = hello.cookie;
    const { send } = this.connection;
    // The client has its answer to the first hello already.
    this.connection.send = async () => {};
    socket.onDataReceived.execute(hello.first);
    this.connection.send = send;
    context.recordSequenceNumber = Math.max(context.recordSequenceNumber, hello.recordSequence);
  }
}

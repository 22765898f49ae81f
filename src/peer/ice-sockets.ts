/**
 * The sockets of werift's ICE, UDP and TCP. Every datagram goes to our guard before werift sees it,
 * and media is sent on the sockets directly.
 */
import type { Connection, StunProtocol } from 'werift';
import { guardTcp, isTcp, sendOverTcp } from './ice-tcp.js';
import type { RemoteAddress } from './media-path.js';
import type { ConnectionInternals, Datagrams } from './werift-internals.js';

const RECEIVE_BUFFER_BYTES = 1 << 20;

/** A datagram, or a frame of ICE over TCP, before anything was checked. */
export interface ReceivedDatagram {
  readonly data: Buffer;
  readonly host: string;
  readonly port: number;
  readonly socket: StunProtocol;
  /** Hands it on to werift's ICE. */
  toIce(): void;
}

export class IceSockets {
  private readonly guarded = new WeakSet<StunProtocol>();

  constructor(
    private readonly connection: Connection,
    private readonly receive: (datagram: ReceivedDatagram) => void,
  ) {}

  /** Takes over the sockets that werift opened since the last call. */
  guardNew(): void {
    for (const socket of this.sockets()) {
      if (this.guarded.has(socket)) continue;
      if (isTcp(socket)) {
        this.guarded.add(socket);
        guardTcp(socket, (data, address, toWerift) =>
          this.deliver(data, address, socket, toWerift),
        );
        continue;
      }
      const transport = socket.transport as unknown as Datagrams | undefined;
      if (!transport) continue;
      this.guarded.add(socket);
      transport.socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      const toWerift = transport.onData;
      transport.onData = (data, address) => this.deliver(data, address, socket, toWerift);
    }
  }

  /** Whether we await a response to this STUN transaction. */
  isPending(transactionId: string): boolean {
    return this.sockets().some(({ transactions }) => transactionId in transactions);
  }

  /** @returns false if the socket is closed or takes no more. */
  send({ socket, host, port }: RemoteAddress<StunProtocol>, data: Buffer): boolean {
    if (isTcp(socket)) return sendOverTcp(socket, host, port, data);
    const transport = socket.transport as unknown as Datagrams | undefined;
    if (!transport || transport.closed) return false;
    transport.socket.send(data, port, host);
    return true;
  }

  /**
   * Sends a connectivity check of our own, outside of werift's lists.
   * @throws if it is not answered, or not from that address.
   */
  async check({ socket, host, port }: RemoteAddress<StunProtocol>): Promise<void> {
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
    if (from !== host || fromPort !== port) throw new Error('answered from another address');
  }

  private sockets(): StunProtocol[] {
    return (this.connection as unknown as ConnectionInternals).protocols;
  }

  private deliver(
    data: Buffer,
    address: [string, number],
    socket: StunProtocol,
    toWerift: Datagrams['onData'],
  ): void {
    const [host, port] = address;
    this.receive({ data, host, port, socket, toIce: () => toWerift(data, address) });
  }
}

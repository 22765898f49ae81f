/**
 * Carries one RTMP connection from this machine to the address that was checked, in TLS if it is
 * RTMPS, with the certificate of the name that was asked for. The muxer itself looks up nothing.
 */

import type { AddressInfo } from 'node:net';
import { connect, createServer, isIP, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Destination } from './destination.js';

const CONNECT_MS = 10_000;

export class PinnedRelay {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly destination: Destination,
    /** Hears why the destination could not be reached, or went away. */
    private readonly onFault: (message: string) => void,
  ) {}

  static async open(
    destination: Destination,
    onFault: (message: string) => void,
  ): Promise<PinnedRelay> {
    const server = createServer();
    const relay = new PinnedRelay(server, destination, onFault);
    server.on('connection', (socket) => relay.carry(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return relay;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private carry(near: Socket): void {
    // One connection is all that the muxer makes.
    this.server.close();
    const { kind, host, address, port } = this.destination;
    const far =
      kind === 'rtmps'
        ? connectTls({ host: address, port, ...(isIP(host) ? {} : { servername: host }) })
        : connect({ host: address, port });
    far.setTimeout(CONNECT_MS, () => far.destroy(new Error('it does not answer')));
    far.once(kind === 'rtmps' ? 'secureConnect' : 'connect', () => far.setTimeout(0));
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => {
        this.sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    far.on('error', (error) => this.onFault(error.message));
    near.on('error', () => {});
    near.pipe(far).pipe(near);
  }
}

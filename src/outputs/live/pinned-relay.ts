/**
 * Carries one TCP connection from this machine to a checked address, in TLS if wanted. In TLS the
 * certificate must be for the host's name. FFmpeg connects to the relay and looks nothing up.
 */

import type { AddressInfo } from 'node:net';
import { connect, createServer, isIP, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { RemoteHost } from './public-address.js';

const CONNECT_MS = 10_000;

export interface RelayTarget extends RemoteHost {
  readonly tls: boolean;
}

export class PinnedRelay {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: RelayTarget,
    private readonly onFault: (message: string) => void,
  ) {}

  /**
   * Listens on a free port of the loopback address.
   * @param onFault hears why the target could not be reached, or went away.
   */
  static async open(target: RelayTarget, onFault: (message: string) => void): Promise<PinnedRelay> {
    const server = createServer();
    const relay = new PinnedRelay(server, target, onFault);
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
    // The muxer makes one connection only.
    this.server.close();
    const { tls, host, address, port } = this.target;
    const far = tls
      ? connectTls({ host: address, port, ...(isIP(host) ? {} : { servername: host }) })
      : connect({ host: address, port });
    far.setTimeout(CONNECT_MS, () => far.destroy(new Error('the destination does not answer')));
    far.once(tls ? 'secureConnect' : 'connect', () => far.setTimeout(0));
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
    // The muxer reports the end of its connection itself.
    near.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
  }
}

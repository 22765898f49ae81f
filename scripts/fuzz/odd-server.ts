/** A server that answers HTTP requests with any bytes: what webhooks and the object store meet. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A client that is kept waiting ends by itself, but later than anybody wants to wait. */
const CLOSE_AFTER_MS = 20;

export class OddServer {
  /** What a request is answered with, by the `input-N` in its head. Others are closed. */
  readonly answers = new Map<string, Buffer>();
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      let isAnswered = false;
      socket.on('data', (head) => {
        if (isAnswered) return;
        isAnswered = true;
        const key = /input-\d+/.exec(head.toString('latin1'))?.[0] ?? '';
        socket.write(this.answers.get(key) ?? Buffer.alloc(0));
        setTimeout(() => socket.destroy(), CLOSE_AFTER_MS);
      });
    });
  }

  static async start(): Promise<OddServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new OddServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

import WebSocket from 'ws';
import { type TestServer, waitFor } from './server.js';

export interface WireMessage {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface WireOptions {
  readonly token?: string | undefined;
  readonly origin?: string;
  /** Our own address. */
  readonly from?: string;
}

/** A bare signalling socket: what it was sent, and how it was closed. */
export class Wire {
  readonly messages: WireMessage[] = [];
  closeCode = 0;
  closeReason = '';

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (text: Buffer) =>
      this.messages.push(JSON.parse(text.toString()) as WireMessage),
    );
    socket.on('close', (code, reason) => {
      this.closeCode = code;
      this.closeReason = reason.toString();
    });
    socket.on('error', () => {});
  }

  private static connect(server: TestServer, { token, origin, from }: WireOptions): WebSocket {
    const query = token === undefined ? '' : `?access_token=${encodeURIComponent(token)}`;
    return new WebSocket(`${server.signalUrl}${query}`, {
      ...(origin === undefined ? {} : { origin }),
      ...(from === undefined ? {} : { localAddress: from }),
    });
  }

  static async open(server: TestServer, options: WireOptions = {}): Promise<Wire> {
    const wire = new Wire(Wire.connect(server, options));
    await new Promise((resolve, reject) => {
      wire.socket.once('open', resolve);
      wire.socket.once('unexpected-response', (_request, { statusCode }) =>
        reject(new Error(`refused with ${statusCode}`)),
      );
    });
    return wire;
  }

  /** Opens one and joins. */
  static async join(
    server: TestServer,
    room: string,
    name: string,
    options: WireOptions & { readonly previous?: string } = {},
  ): Promise<Wire> {
    const wire = await Wire.open(server, options);
    const { previous } = options;
    wire.send({ type: 'join', room, name, ...(previous === undefined ? {} : { previous }) });
    await waitFor('an answer to join', () => wire.messages[0]);
    return wire;
  }

  /** The status of an upgrade, and the code if it is refused. */
  static async upgrade(server: TestServer, options: WireOptions): Promise<[number, string?]> {
    const socket = Wire.connect(server, options);
    socket.on('error', () => {});
    return new Promise((resolve) => {
      socket.on('open', () => {
        socket.close();
        resolve([101]);
      });
      socket.on('unexpected-response', async (_request, response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        resolve([response.statusCode ?? 0, JSON.parse(Buffer.concat(chunks).toString()).code]);
      });
    });
  }

  /** One's own participant id, once welcome. */
  get id(): string {
    return String(this.messages.find(({ type }) => type === 'welcome')?.participant);
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  next(type: string): Promise<WireMessage> {
    return waitFor(`a ${type} message`, () =>
      this.messages.find((message) => message.type === type),
    );
  }

  /** The code of the last error. */
  get error(): unknown {
    return this.messages.findLast(({ type }) => type === 'error')?.code;
  }
}

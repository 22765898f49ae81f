/** A signalling socket of the fuzzer: what the server sends is checked, whatever was sent before. */
import WebSocket from 'ws';
import { ERROR_CODES } from '../../src/protocol/error-codes.js';
import type { ServerMessage } from '../../src/protocol/server-messages.js';
import { waitFor } from '../../test/support/server.js';
import type { FuzzServer } from './server.js';
import { Finding } from './target.js';

/** Close codes that the server chooses (RFC 6455, 7.4.1), and its own. */
const CLOSE_CODES = new Set([1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1012, 4000]);
const ANSWER_MS = 10_000;

export class FuzzSocket {
  readonly messages: ServerMessage[] = [];
  /** Undefined while it is open. */
  closeCode: number | undefined;
  private fault: Finding | undefined;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => this.receive(data.toString()));
    socket.on('close', (code) => {
      this.closeCode = code;
      if (!CLOSE_CODES.has(code)) this.fault ??= new Finding(`the socket was closed with ${code}`);
    });
    // A close event follows.
    socket.on('error', () => {});
  }

  static async open(server: FuzzServer, token: string): Promise<FuzzSocket> {
    const socket = new FuzzSocket(
      new WebSocket(`${server.server.signalUrl}?access_token=${token}`),
    );
    await waitFor('a socket', () => socket.isOpen || socket.isClosed, ANSWER_MS);
    return socket;
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  get isClosed(): boolean {
    return this.closeCode !== undefined;
  }

  send(text: string | Buffer, binary = false): void {
    if (this.isOpen) this.socket.send(text, { binary });
  }

  /** Bytes below the WebSocket: the server must close a socket that breaks its framing. */
  sendBelow(bytes: Buffer): void {
    const { _socket: stream } = this.socket as unknown as {
      readonly _socket?: NodeJS.WritableStream;
    };
    if (this.isOpen) stream?.write(bytes);
  }

  /** The first message of a type; undefined if the socket was closed before. @throws Finding if neither comes. */
  async next<T extends ServerMessage['type']>(
    type: T,
  ): Promise<Extract<ServerMessage, { type: T }> | undefined> {
    const find = () => this.messages.find((message) => message.type === type);
    await waitFor(`a ${type} message`, () => find() || this.isClosed, ANSWER_MS).catch(() => {
      throw new Finding(`no ${type} message came, and the socket was not closed`);
    });
    return find() as Extract<ServerMessage, { type: T }> | undefined;
  }

  /** @throws Finding if the server sent or did something that it never may. */
  check(): void {
    if (this.fault) throw this.fault;
  }

  close(): void {
    this.socket.close();
  }

  private receive(text: string): void {
    let message: ServerMessage;
    try {
      message = JSON.parse(text) as ServerMessage;
    } catch {
      this.fault ??= new Finding(`the server sent what is not JSON: ${text.slice(0, 200)}`);
      return;
    }
    this.messages.push(message);
    if (message.type !== 'error') return;
    const isKnown = Object.hasOwn(ERROR_CODES, message.code);
    if (isKnown && message.code !== 'internal') return;
    this.fault ??= new Finding(`the server answered with the error ${text.slice(0, 500)}`);
  }
}

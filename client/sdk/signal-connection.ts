import type { ClientMessage, JoinMessage } from '../../src/protocol/client-messages.js';
import { FINAL_CLOSE } from '../../src/protocol/limits.js';
import type { ServerMessage } from '../../src/protocol/server-messages.js';
import { Emitter } from './events.js';
import type { TokenSource } from './room-options.js';

/**
 * How long the client tries to connect again. The server keeps a session for 15 s without a socket.
 * After that, or when the server has restarted, the client joins again.
 */
const GIVE_UP_MS = 60_000;
const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 2_000;

interface SignalEvents {
  message: ServerMessage;
  /** The socket was lost. The client connects again. */
  lost: undefined;
  /** The server has forgotten the session. The client joins again, and media must start again. */
  rejoining: undefined;
  /** The connection has ended for good, with the reason. */
  closed: string;
}

/** The signalling socket. It connects again and resumes its session by itself. */
export class SignalConnection extends Emitter<SignalEvents> {
  private socket: WebSocket | undefined;
  private join: JoinMessage | undefined;
  private session: { participant: string; token: string } | undefined;
  private lostAt = 0;
  private retryMs = FIRST_RETRY_MS;
  private finished = false;
  private lastError = '';
  private renewed: string | undefined;
  private inLobby = false;
  private waiting: ClientMessage[] = [];

  constructor(
    private readonly url: string,
    private readonly token: TokenSource | undefined,
  ) {
    super();
  }

  /** Opens the socket and joins. @param join is sent again if the session is lost. */
  open(join: JoinMessage): void {
    this.join = join;
    this.connect(join);
  }

  private connect(first: ClientMessage): void {
    this.openSocket(first).catch((error: unknown) => this.finish(String(error)));
  }

  private async openSocket(first: ClientMessage): Promise<void> {
    this.waiting = [];
    const url = await this.urlWithToken();
    if (this.finished) return;
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify(first));
    socket.onmessage = ({ data }) => this.receive(JSON.parse(String(data)) as ServerMessage);
    socket.onclose = ({ code, reason }) => {
      if (this.socket !== socket) return;
      if (code === FINAL_CLOSE) this.finish(this.lastError || reason);
      else this.dropped(reason);
    };
  }

  private async urlWithToken(): Promise<string> {
    const { token } = this;
    const value = typeof token === 'function' ? await token() : (this.renewed ?? token);
    if (!value) return this.url;
    const url = new URL(this.url);
    url.searchParams.set('access_token', value);
    return url.href;
  }

  /** Why the socket could not be opened. Browsers do not say why; an HTTP request to the same URL may. */
  private async whyRefused(): Promise<string> {
    const unreachable = 'the server cannot be reached';
    try {
      const url = (await this.urlWithToken()).replace(/^ws/, 'http');
      const response = await fetch(url);
      const { detail, status } = (await response.json()) as { detail?: string; status?: number };
      return detail && status !== 404 ? detail : unreachable;
    } catch {
      return unreachable;
    }
  }

  /** Sends now, or when the session is resumed. */
  send(message: ClientMessage): void {
    if (this.session && this.lostAt === 0 && this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify(message));
    } else this.waiting.push(message);
  }

  close(): void {
    this.finished = true;
    this.socket?.close(1000);
  }

  private receive(message: ServerMessage): void {
    if (message.type === 'welcome') {
      this.session = { participant: message.participant, token: message.token };
      this.inLobby = false;
      this.lostAt = 0;
      this.retryMs = FIRST_RETRY_MS;
      for (const waiting of this.waiting.splice(0)) this.send(waiting);
    }
    if (message.type === 'error' && message.code === 'resume_failed' && this.join) {
      const previous = this.session?.token;
      this.join = previous === undefined ? this.join : { ...this.join, previous };
      this.session = undefined;
      this.waiting = [];
      this.emit('rejoining', undefined);
      this.socket?.send(JSON.stringify(this.join));
      return;
    }
    if (message.type === 'token') this.renewed = message.token;
    if (message.type === 'error') this.lastError = message.message;
    if (message.type === 'waiting') {
      this.inLobby = true;
      this.lostAt = 0;
    }
    this.emit('message', message);
  }

  private dropped(reason: string): void {
    if (this.finished) return;
    if (!this.session && !this.inLobby && this.lostAt === 0) {
      if (reason || this.lastError) this.finish(this.lastError || reason);
      else this.whyRefused().then((why) => this.finish(why));
      return;
    }
    if (this.lostAt === 0) {
      this.lostAt = Date.now();
      this.emit('lost', undefined);
    }
    if (Date.now() - this.lostAt > GIVE_UP_MS) {
      this.finish('the connection was lost');
      return;
    }
    const { session, join } = this;
    const first = session ? ({ type: 'resume', ...session } as const) : join;
    setTimeout(() => {
      if (!this.finished && first) this.connect(first);
    }, this.retryMs);
    this.retryMs = Math.min(MAX_RETRY_MS, this.retryMs * 2);
  }

  private finish(reason: string): void {
    this.finished = true;
    this.socket?.close();
    this.emit('closed', reason);
  }
}

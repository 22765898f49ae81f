import type { ClientMessage, ServerMessage } from '../../src/signalling/messages.js';
import { Emitter } from './events.js';

/**
 * How long a lost connection is tried to get back. The server keeps a session for 15 s without a
 * socket; after that, or when it was restarted, it is joined anew.
 */
const GIVE_UP_MS = 60_000;
const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 2_000;

interface SignalEvents extends Record<string, unknown> {
  message: ServerMessage;
  /** The socket is gone and being reconnected. */
  lost: undefined;
  /** The server has forgotten the session: it is being joined anew, media has to begin again. */
  rejoining: undefined;
  /** It could not be got back. */
  closed: string;
}

/** The signalling socket, which reconnects and resumes its session by itself. */
export class SignalConnection extends Emitter<SignalEvents> {
  private socket: WebSocket | undefined;
  private join: ClientMessage | undefined;
  private session: { participant: string; token: string } | undefined;
  private lostAt = 0;
  private retryMs = FIRST_RETRY_MS;
  private finished = false;
  private waiting: ClientMessage[] = [];

  constructor(private readonly url: string) {
    super();
  }

  /** Opens the socket and joins; @param join is kept, to join again if the session is lost. */
  open(join: ClientMessage): void {
    this.join = join;
    this.connect(join);
  }

  private connect(first: ClientMessage): void {
    this.waiting = [];
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify(first));
    socket.onmessage = ({ data }) => this.receive(JSON.parse(String(data)) as ServerMessage);
    socket.onclose = ({ reason }) => {
      if (this.socket === socket) this.dropped(reason);
    };
  }

  /** Sends now, or once the session is resumed. */
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
      this.lostAt = 0;
      this.retryMs = FIRST_RETRY_MS;
      for (const waiting of this.waiting.splice(0)) this.send(waiting);
    }
    if (message.type === 'error' && message.code === 'resume_failed' && this.join) {
      this.session = undefined;
      this.waiting = [];
      this.emit('rejoining', undefined);
      this.socket?.send(JSON.stringify(this.join));
      return;
    }
    this.emit('message', message);
  }

  private dropped(reason: string): void {
    if (this.finished) return;
    if (!this.session && this.lostAt === 0) {
      this.finish(reason || 'the server cannot be reached');
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

import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { TesseraError } from '../errors.js';
import { nowMicros } from '../shared/clock.js';
import { TokenBucket } from '../shared/token-bucket.js';
import { MAX_MESSAGE_BYTES } from './messages.js';
import { Session, type SessionDependencies, type SignallingSocket } from './session.js';

/** A socket that answers no ping for two rounds is dead. */
const PING_MS = 10_000;
/** A socket whose reader is this far behind is cut off. */
const MAX_BUFFERED_BYTES = 1 << 20;
/** Messages a socket may send: a burst, and so many a second after it. */
const BURST = 200;
const PER_SECOND = 50;

export interface SignallingDependencies extends SessionDependencies {
  /** Of pages besides the server's own; `*` allows all. */
  readonly allowedOrigins: readonly string[];
}

/** The WebSocket endpoint `/signal`. */
export async function registerSignalling(
  app: FastifyInstance,
  dependencies: SignallingDependencies,
): Promise<void> {
  await app.register(websocket, {
    options: { maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false },
  });
  const preValidation = async (request: FastifyRequest) => {
    const { origin, host } = request.headers;
    if (mayConnect(origin, host, dependencies.allowedOrigins)) return;
    throw new TesseraError('origin_refused', `a page of ${origin} may not open calls here`, {
      next: 'Add its origin to TESSERA_WEB_ORIGINS.',
    });
  };
  app.get('/signal', { websocket: true, preValidation }, (socket) => serve(socket, dependencies));
}

/** Browsers tell the page's origin; other programs none, and are not what this protects from. */
function mayConnect(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** Handlers are attached before anything is awaited: no message can be missed. */
function serve(socket: WebSocket, dependencies: SessionDependencies): void {
  const wire: SignallingSocket = {
    send: (text) => {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
      else socket.send(text);
    },
    close: (code, reason) => socket.close(code, reason),
  };
  const session = new Session(wire, dependencies);
  const limit = new TokenBucket(PER_SECOND, BURST);
  let alive = true;
  socket.on('message', (data, isBinary) => {
    if (!limit.take(nowMicros()) || isBinary) {
      socket.close(isBinary ? 1003 : 1008, isBinary ? 'text messages only' : 'too_many_messages');
      return;
    }
    session.receive(data.toString());
  });
  socket.on('pong', () => {
    alive = true;
  });
  const ping = setInterval(() => {
    if (!alive) {
      socket.terminate();
      return;
    }
    alive = false;
    socket.ping();
  }, PING_MS);
  // A close event follows each error; ws has already chosen the close code (1009 for size).
  socket.on('error', (error) =>
    dependencies.logger.debug({ error: error.message }, 'socket error'),
  );
  socket.on('close', () => {
    clearInterval(ping);
    session.socketClosed(wire);
  });
}

/** The WebSocket endpoint `/signal`: who may open a socket, and its limits. */
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { TesseraError } from '../errors.js';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import type { Caller } from '../rooms/caller.js';
import { nowMicros } from '../util/clock.js';
import { isOriginAllowed } from '../util/origin.js';
import { reachedAt } from '../util/reached-at.js';
import { TokenBucket } from '../util/token-bucket.js';
import { Session, type SessionDependencies, type SignallingSocket } from './session.js';

/** A socket that does not answer a ping before the next one is dead. */
const PING_MS = 10_000;
/** A socket with more unsent bytes is cut off. */
const MAX_BUFFERED_BYTES = 1 << 20;
/** Messages that a socket may send: at once, and per second after that. */
const BURST = 200;
const PER_SECOND = 50;
/** Most WebSocket frames of one message. */
const MAX_FRAGMENTS = 64;

export interface SignallingDependencies extends SessionDependencies {
  /** Origins of foreign pages that are allowed; `*` allows all. */
  readonly allowedOrigins: readonly string[];
  readonly socketsPerAddress: number;
  /** A socket that has not joined after this time is closed. */
  readonly joinMs: number;
  /** @throws TesseraError if they may not connect. */
  callerOf(request: FastifyRequest): Promise<Caller>;
}

export async function registerSignalling(
  app: FastifyInstance,
  dependencies: SignallingDependencies,
): Promise<void> {
  const limits = {
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: 4096,
  };
  await app.register(websocket, { options: limits });
  const callers = new WeakMap<FastifyRequest, Caller>();
  const sockets = new Map<string, number>();
  const preValidation = async (request: FastifyRequest) => {
    const { origin } = request.headers;
    // Of a trusted proxy the host that it was asked for.
    if (!isOriginAllowed(origin, request.host, dependencies.allowedOrigins)) {
      throw new TesseraError('origin_refused', `a page of ${origin} may not open calls here`, {
        next: 'Add its origin to TESSERA_WEB_ORIGINS.',
      });
    }
    if ((sockets.get(request.ip) ?? 0) >= dependencies.socketsPerAddress) {
      throw new TesseraError('too_many_sockets', 'too many sockets from your address', {
        next: 'Close some, or raise limits.socketsPerAddress.',
      });
    }
    callers.set(request, await dependencies.callerOf(request));
  };
  app.get('/signal', { websocket: true, preValidation }, (socket, request) => {
    const { ip } = request;
    sockets.set(ip, (sockets.get(ip) ?? 0) + 1);
    socket.on('close', () => {
      const left = (sockets.get(ip) ?? 1) - 1;
      if (left > 0) sockets.set(ip, left);
      else sockets.delete(ip);
    });
    serve(socket, callers.get(request) as Caller, reachedAt(request), dependencies);
  });
}

/** Handlers are attached before anything is awaited: no message can be missed. */
function serve(
  socket: WebSocket,
  caller: Caller,
  reachedAt: string | undefined,
  dependencies: SignallingDependencies,
): void {
  const wire: SignallingSocket = {
    reachedAt,
    send: (text) => {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
      else socket.send(text);
    },
    close: (code, reason) => socket.close(code, reason),
  };
  const session = new Session(wire, caller, dependencies);
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
  const join = setTimeout(() => {
    if (session.idle) socket.close(1008, 'join_timeout');
  }, dependencies.joinMs);
  // A close event follows each error; ws has already chosen the close code (1009 for size).
  socket.on('error', (error) =>
    dependencies.logger.debug({ error: error.message }, 'socket error'),
  );
  socket.on('close', () => {
    clearInterval(ping);
    clearTimeout(join);
    session.socketClosed(wire);
  });
}

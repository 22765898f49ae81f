/** Builds the whole server and closes it in reverse order. */

import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createWebServer } from './api/web-server.js';
import { listOf, numberOf, type Settings, textOf } from './config/load.js';
import { iceServersFor, roomOptions } from './config/room-options.js';
import type { Logger } from './logger.js';
import { localCertificate } from './peer/dtls-transport.js';
import { RoomManager } from './rooms/room-manager.js';
import type { Session } from './signalling/session.js';
import { registerSignalling } from './signalling/signal-route.js';

export interface RunningServer {
  /** Base URLs under which the page can be opened. */
  readonly urls: readonly string[];
  /** Codecs that composites can be encoded with, best first. */
  readonly encoders: readonly string[];
  /** Lets no new room begin, tells everybody, and waits until all have left or the time is over. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

async function selfSigned(): Promise<{ cert: string; key: string }> {
  const { generate } = await import('selfsigned');
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const made = await generate([{ name: 'commonName', value: 'tessera.local' }], {
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          ...addresses
            .filter(({ family }) => family === 'IPv4')
            .map(({ address }) => ({ type: 7, ip: address }) as const),
        ],
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}

export async function startServer(settings: Settings, logger: Logger): Promise<RunningServer> {
  const rooms = new RoomManager(roomOptions(settings), logger);
  const [encoders] = await Promise.all([rooms.start(), localCertificate()]);
  const sessions = new Map<string, Session>();
  const tls = textOf(settings, 'tls') === 'self-signed' ? await selfSigned() : undefined;
  const app = await createWebServer({
    tls,
    logger,
    readiness: () => rooms.readiness,
    stats: () => ({
      sessions: sessions.size,
      rooms: rooms.all.map((room) => ({
        id: room.id,
        mediaPid: room.mediaPid,
        counters: room.counters,
        participants: room.participants.map((participant) => ({
          id: participant.id,
          name: participant.name,
          state: participant.connectionState,
          counters: participant.counts(),
        })),
      })),
      memory: process.memoryUsage(),
      cpu: process.cpuUsage(),
    }),
  });
  await registerSignalling(app, {
    openRoom: (id) => rooms.open(id),
    iceServers: (user) => iceServersFor(settings, user, Math.floor(Date.now() / 1000)),
    sessions,
    logger,
    allowedOrigins: listOf(settings, 'web.origins'),
  });
  const host = textOf(settings, 'host');
  await app.listen({ host, port: numberOf(settings, 'port') });
  const { port } = app.server.address() as AddressInfo;
  const scheme = tls ? 'https' : 'http';
  const hosts =
    host === '0.0.0.0' || host === '::'
      ? Object.values(networkInterfaces())
          .flatMap((list) => list ?? [])
          .filter(({ family, internal }) => family === 'IPv4' && !internal)
          .map(({ address }) => address)
      : ['localhost'];
  return {
    urls: (hosts.length > 0 ? hosts : ['localhost']).map((name) => `${scheme}://${name}:${port}`),
    encoders,
    drain: async () => {
      const seconds = numberOf(settings, 'server.drainSeconds');
      if (seconds === 0) return;
      for (const session of sessions.values()) session.tellDraining(seconds);
      let timer: NodeJS.Timeout | undefined;
      await rooms.drain(
        new Promise((resolve) => {
          timer = setTimeout(resolve, seconds * 1000);
        }),
      );
      clearTimeout(timer);
    },
    close: async () => {
      for (const session of sessions.values()) session.end();
      await app.close();
      await rooms.close();
    },
  };
}

/** Builds the whole server and closes it in reverse order. */

import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Access } from './api/access.js';
import { EventLog } from './api/event-log.js';
import { iceServersFor } from './api/ice-servers.js';
import { createWebServer } from './api/web-server.js';
import { type Delivery, WebhookSender } from './api/webhook-sender.js';
import { checkExposure } from './config/api-keys.js';
import type { ServerConfig } from './config/server-config.js';
import type { Logger } from './logger.js';
import { Metrics } from './metrics/metrics.js';
import { EgressProcesses } from './outputs/egress-processes.js';
import { LiveOutputs } from './outputs/live/live-outputs.js';
import { Recordings } from './outputs/recording/recordings.js';
import { localCertificate } from './peer/dtls-transport.js';
import { isMomentary, type RoomEvent } from './rooms/room-events.js';
import { RoomManager } from './rooms/room-manager.js';
import type { Session } from './signalling/session.js';
import { registerSignalling } from './signalling/signal-route.js';
import { RecordStore } from './util/record-store.js';

export interface RunningServer {
  /** Base URLs under which the page can be opened. */
  readonly urls: readonly string[];
  /** Codecs that composites can be encoded with, best first. */
  readonly encoders: readonly string[];
  /** Whether nobody needs a token. */
  readonly open: boolean;
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

function createWebhooks(
  config: ServerConfig['webhooks'],
  logger: Logger,
): WebhookSender | undefined {
  if (!config) return undefined;
  const store = new RecordStore<Delivery>(config.folder, (error) =>
    logger.error({ error }, 'a webhook could not be kept'),
  );
  return new WebhookSender(config, store, logger);
}

/** @param version of the program. */
export async function startServer(
  config: ServerConfig,
  logger: Logger,
  version: string,
): Promise<RunningServer> {
  checkExposure(config.http.host, config.auth.keys);
  const events = new EventLog();
  const webhooks = createWebhooks(config.webhooks, logger);
  const publish = (event: RoomEvent) => {
    events.publish(event);
    if (!isMomentary(event.event)) webhooks?.publish(event);
  };
  const egress = new EgressProcesses();
  const recordings = new Recordings(config.recording, egress, logger, publish);
  const outputs = new LiveOutputs(config.live, egress, logger, publish);
  const rooms: RoomManager = new RoomManager(
    config.rooms,
    logger,
    (event) => {
      publish(event);
      outputs.onRoomEvent(event);
      recordings.onRoomEvent(
        event,
        rooms.all.find(({ sid }) => sid === event.room.sid),
      );
    },
    () => egress.usage.cpuMicros,
  );
  await Promise.all([webhooks?.start(), recordings.start(), outputs.start()]);
  const access = new Access(config.auth, rooms.revoked);
  const iceServers = (user: string) =>
    iceServersFor(config.iceServers, user, Math.floor(Date.now() / 1000));
  const [encoders] = await Promise.all([rooms.start(), localCertificate()]);
  const metrics = new Metrics(rooms, () => egress.usage);
  const sessions = new Map<string, Session>();
  const tls = config.http.tls === 'self-signed' ? await selfSigned() : undefined;
  const app = await createWebServer({
    tls,
    logger,
    rooms,
    recordings,
    outputs,
    access,
    events,
    version,
    encoders,
    metrics,
    iceServers,
    origins: config.http.origins,
    trustedProxies: config.http.trustedProxies,
    requestsPerMinute: config.http.requestsPerMinute,
    stats: () => ({
      sessions: sessions.size,
      webhooks: webhooks?.counters,
      load: rooms.admission.stats,
      recordings: recordings.snapshot(),
      outputs: outputs.snapshot(),
      rooms: rooms.all.map((room) => ({
        id: room.id,
        mediaPid: room.telemetry.mediaPid,
        counters: room.telemetry.counters,
        participants: room.participants.map((participant) => ({
          id: participant.id,
          name: participant.name,
          state: participant.connectionState,
          counters: participant.counts(),
        })),
      })),
      memory: process.memoryUsage(),
      timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
      cpu: process.cpuUsage(),
    }),
  });
  await registerSignalling(app, {
    openRoom: (id) => rooms.open(id),
    endRoom: (id) => rooms.end(id),
    recordingAccess: (room, role) =>
      access.recordingAccess(room, role, config.recording.playback === 'everybody'),
    callerOf: (request) => access.callerOf(request),
    ...config.signalling,
    iceServers,
    sessions,
    logger,
    allowedOrigins: config.http.origins,
  });
  const { host } = config.http;
  await app.listen({ host, port: config.http.port });
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
    open: access.open,
    drain: async () => {
      const { drainMs } = config;
      if (drainMs === 0) return;
      for (const session of sessions.values()) session.tellDraining(drainMs / 1000);
      let timer: NodeJS.Timeout | undefined;
      await rooms.drain(
        new Promise((resolve) => {
          timer = setTimeout(resolve, drainMs);
        }),
      );
      clearTimeout(timer);
    },
    close: async () => {
      await rooms.close();
      await Promise.all([recordings.close(), outputs.close()]);
      await app.close();
      await webhooks?.close();
    },
  };
}

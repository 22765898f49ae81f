/** Builds the whole server and closes it in reverse order. */

import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Access } from './api/access.js';
import { EventLog } from './api/event-log.js';
import { createWebServer } from './api/web-server.js';
import { type Delivery, WebhookSender } from './api/webhook-sender.js';
import { apiKeys, checkExposure } from './config/auth-options.js';
import { liveOptions } from './config/live-options.js';
import { listOf, numberOf, type Settings, textOf } from './config/load.js';
import { recordingsOptions } from './config/recording-options.js';
import { iceServersFor, roomOptions } from './config/room-options.js';
import { webhookOptions } from './config/webhook-options.js';
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

function createWebhooks(settings: Settings, logger: Logger): WebhookSender | undefined {
  const options = webhookOptions(settings);
  if (!options) return undefined;
  const store = new RecordStore<Delivery>(join(textOf(settings, 'data.dir'), 'webhooks'), (error) =>
    logger.error({ error }, 'a webhook could not be kept'),
  );
  return new WebhookSender(options, store, logger);
}

/** @param version of the program. */
export async function startServer(
  settings: Settings,
  logger: Logger,
  version: string,
): Promise<RunningServer> {
  const keys = apiKeys(settings);
  checkExposure(settings, keys);
  const events = new EventLog();
  const webhooks = createWebhooks(settings, logger);
  const publish = (event: RoomEvent) => {
    events.publish(event);
    if (!isMomentary(event.event)) webhooks?.publish(event);
  };
  const egress = new EgressProcesses();
  const recordings = new Recordings(recordingsOptions(settings), egress, logger, publish);
  const outputs = new LiveOutputs(liveOptions(settings), egress, logger, publish);
  const rooms: RoomManager = new RoomManager(
    roomOptions(settings),
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
  const access = new Access(
    {
      keys,
      tokenSeconds: numberOf(settings, 'auth.tokenSeconds'),
      clockSkewSeconds: numberOf(settings, 'auth.clockSkewSeconds'),
    },
    rooms.revoked,
  );
  const iceServers = (user: string) => iceServersFor(settings, user, Math.floor(Date.now() / 1000));
  const [encoders] = await Promise.all([rooms.start(), localCertificate()]);
  const metrics = new Metrics(rooms, () => egress.usage);
  const sessions = new Map<string, Session>();
  const tls = textOf(settings, 'tls') === 'self-signed' ? await selfSigned() : undefined;
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
    origins: listOf(settings, 'web.origins'),
    trustedProxies: listOf(settings, 'web.trustProxy'),
    requestsPerMinute: numberOf(settings, 'limits.requestsPerMinute'),
    stats: () => ({
      sessions: sessions.size,
      webhooks: webhooks?.counters,
      load: rooms.admission.stats,
      recordings: recordings.stats(),
      outputs: outputs.counters,
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
      timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
      cpu: process.cpuUsage(),
    }),
  });
  await registerSignalling(app, {
    openRoom: (id) => rooms.open(id),
    endRoom: (id) => rooms.end(id),
    recordingAccess: (room, role) =>
      access.recordingAccess(room, role, textOf(settings, 'recording.playback') === 'everybody'),
    callerOf: (request) => access.callerOf(request),
    socketsPerAddress: numberOf(settings, 'limits.socketsPerAddress'),
    joinMs: numberOf(settings, 'limits.joinSeconds') * 1000,
    iceServers,
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
    open: access.open,
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
      await rooms.close();
      await Promise.all([recordings.close(), outputs.close()]);
      await app.close();
      await webhooks?.close();
    },
  };
}

/** Builds the whole server in four steps and closes it in reverse order. */

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Access } from './api/access.js';
import { EventLog } from './api/event-log.js';
import { iceServersFor } from './api/ice-servers.js';
import { selfSignedCertificate } from './api/self-signed-certificate.js';
import { serverUrls } from './api/server-urls.js';
import { createWebServer } from './api/web-server.js';
import { type Delivery, WebhookSender } from './api/webhook-sender.js';
import { Captures } from './captures/captures.js';
import { checkExposure } from './config/api-keys.js';
import type { ServerConfig } from './config/server-config.js';
import type { Logger } from './logger.js';
import { Metrics } from './metrics/metrics.js';
import { serverStats } from './metrics/server-stats.js';
import { EgressProcesses } from './outputs/egress-processes.js';
import { LiveOutputs } from './outputs/live/live-outputs.js';
import { Recordings } from './outputs/recording/recordings.js';
import { localCertificate } from './peer/dtls-transport.js';
import { EventLoopMonitor } from './resources/event-loop-monitor.js';
import { ResourceMonitor } from './resources/resource-monitor.js';
import { Admission } from './rooms/admission.js';
import { RoomArchive } from './rooms/archive.js';
import { ImageIntake } from './rooms/image-intake.js';
import { MediaPool } from './rooms/media-pool.js';
import { RoomRegistry } from './rooms/registry.js';
import { eventsOf, isMomentary, type RoomEvent } from './rooms/room-events.js';
import type { Session } from './signalling/session.js';
import { registerSignalling } from './signalling/signal-route.js';
import { CloseStack } from './util/close-stack.js';
import { LogLimit } from './util/log-limit.js';
import { RecordStore } from './util/record-store.js';
import { sleep } from './util/sleep.js';
import { registerWhip } from './whip/whip-routes.js';

export interface RunningServer {
  /** Base URLs under which the page can be opened. */
  readonly urls: readonly string[];
  /** Codecs that composites can be encoded with, best first. */
  readonly encoders: readonly string[];
  /** Nobody needs a token. */
  readonly open: boolean;
  /** Opens no new rooms, tells everybody, and waits until all have left or the time is over. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** What every step needs. */
interface Context {
  readonly config: ServerConfig;
  readonly logger: Logger;
  readonly closing: CloseStack;
}

type Events = ReturnType<typeof buildEvents>;
type Media = ReturnType<typeof buildMedia>;
type Web = Awaited<ReturnType<typeof buildWeb>>;

/**
 * Starts the server; whatever fails closes what was started before it.
 * @param version of the program.
 * @throws TesseraError `bad_config` for weak keys, or none where others reach the server.
 */
export async function startServer(
  config: ServerConfig,
  logger: Logger,
  version: string,
): Promise<RunningServer> {
  checkExposure(config.http, config.auth.keys);
  const context = { config, logger, closing: new CloseStack() };
  try {
    const events = buildEvents(context);
    const media = buildMedia(context, events);
    const web = await buildWeb(context, events, media, version);
    return await goLive(context, events, media, web);
  } catch (error) {
    await context.closing.close();
    throw error;
  }
}

/** What happens in rooms goes to the event stream and to webhooks. */
function buildEvents({ config: { webhooks: options }, logger, closing }: Context) {
  const log = new EventLog();
  let webhooks: WebhookSender | undefined;
  if (options) {
    const limit = new LogLimit(60_000);
    const store = new RecordStore<Delivery>(options.folder, (error) => {
      const webhooks = limit.due(performance.now());
      if (webhooks === undefined) return;
      logger.error(
        { error, webhooks },
        'webhooks could not be saved: a restart loses those that wait',
      );
    });
    webhooks = new WebhookSender(options, store, logger);
    closing.add(() => webhooks?.close());
  }
  const publish = (event: RoomEvent) => {
    log.publish(event);
    if (!isMomentary(event.event)) webhooks?.publish(event);
  };
  return { log, webhooks, publish };
}

/** Rooms and what leaves them. */
function buildMedia({ config, logger }: Context, { publish }: Events) {
  const egress = new EgressProcesses();
  const recordings = new Recordings(config.recording, egress, logger);
  const outputs = new LiveOutputs(config.live, egress, logger);
  const resources = new ResourceMonitor(config.rooms, logger);
  const eventLoop = new EventLoopMonitor(logger);
  const diskRefusal = () => resources.diskRefusal;
  const captures = new Captures(config.captures, logger, diskRefusal);
  const pool = new MediaPool(logger);
  const archive = new RoomArchive(config.rooms.dataDir, logger, diskRefusal);
  const rooms = new RoomRegistry(config.rooms, {
    pool,
    archive,
    admission: new Admission(config.rooms, () => resources.refusal),
    logger,
    onRoom: (room) => {
      room.updates.follow((update) => {
        for (const event of eventsOf(update, room)) publish(event);
      });
      for (const follower of [recordings, outputs, captures]) follower.follow(room);
    },
    egressCpuMicros: () => egress.usage.cpuMicros,
  });
  const metrics = new Metrics(() => ({
    ...rooms.snapshot(),
    load: rooms.admission.stats,
    egress: egress.usage,
    eventLoop: eventLoop.snapshot(),
    resources: resources.snapshot(),
    recordsNotKept: archive.counters.records_not_kept,
  }));
  return { rooms, pool, archive, recordings, outputs, captures, metrics, resources, eventLoop };
}

/** HTTP and signalling; does not listen yet. */
async function buildWeb(context: Context, events: Events, media: Media, version: string) {
  const { config, logger, closing } = context;
  const { rooms, pool, archive, recordings, outputs, captures, metrics } = media;
  const access = new Access(config.auth, archive.revoked, archive.roles);
  const sessions = new Map<string, Session>();
  const iceServers = (user: string) =>
    iceServersFor(config.iceServers, user, Math.floor(Date.now() / 1000));
  const app = await createWebServer({
    ...config.http,
    tls: config.http.tls === 'self-signed' ? await selfSignedCertificate() : undefined,
    logger,
    rooms,
    images: new ImageIntake(pool),
    recordings,
    outputs,
    captures,
    access,
    events: events.log,
    version,
    metrics,
    iceServers,
    stats: () => serverStats({ ...media, sessions, webhooks: events.webhooks }),
  });
  closing.add(() => app.close());
  await registerWhip(app, { rooms, access, iceServers, logger, origins: config.http.origins });
  await registerSignalling(app, {
    ...config.signalling,
    openRoom: (id) => rooms.open(id),
    endRoom: (id) => rooms.end(id),
    recordingAccess: (room, role, grant) =>
      access.recordingAccess(room, role, grant, config.recording.playback === 'everybody'),
    callerOf: (request) => access.callerOf(request),
    iceServers,
    sessions,
    logger,
    allowedOrigins: config.http.origins,
  });
  return { app, access, sessions };
}

/** Starts everything and listens. Rooms close first: their sockets still tell people why. */
async function goLive(
  { config, closing }: Context,
  { webhooks }: Events,
  { rooms, recordings, outputs, captures, resources, eventLoop }: Media,
  { app, access, sessions }: Web,
): Promise<RunningServer> {
  closing.add(() => Promise.all([resources.close(), eventLoop.close()]));
  eventLoop.start();
  await resources.start();
  closing.add(() => Promise.all([recordings.close(), outputs.close(), captures.close()]));
  closing.add(() => rooms.close());
  await Promise.all([webhooks?.start(), recordings.start(), outputs.start(), captures.start()]);
  const [encoders] = await Promise.all([rooms.start(), localCertificate()]);
  const { host, port, tls } = config.http;
  await app.listen({ host, port });
  return {
    urls: serverUrls(tls === 'off' ? 'http' : 'https', host, portOf(app)),
    encoders,
    open: access.open,
    drain: async () => {
      const { drainMs } = config;
      if (drainMs === 0) return;
      for (const session of sessions.values()) session.tellDraining(drainMs / 1000);
      const over = new AbortController();
      await rooms.drain(sleep(drainMs, over.signal));
      over.abort();
    },
    close: () => closing.close(),
  };
}

function portOf(app: FastifyInstance): number {
  return (app.server.address() as AddressInfo).port;
}

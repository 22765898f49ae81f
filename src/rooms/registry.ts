/** All rooms of the server. A room begins by the first join or by the API, and ends when it is empty. */
import { TesseraError } from '../errors.js';
import type { MixSettings } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import { nowMicros } from '../util/clock.js';
import type { Micros } from '../util/units.js';
import type { Admission } from './admission.js';
import type { ArchivedRoom, RoomArchive } from './archive.js';
import { availableEncoders } from './available-encoders.js';
import type { MediaPool } from './media-pool.js';
import type { ProcessSource } from './media-process-supervisor.js';
import { type PreviousRoom, Room, type RoomOptions } from './room.js';
import type { RoomTotals } from './room-counters.js';
import { RoomLifetime } from './room-lifetime.js';
import {
  checkChange,
  type RoomDefaults,
  type RoomSettings,
  settingsFrom,
} from './room-settings.js';
import { ServerTotals } from './server-totals.js';
import type { RoomSnapshot } from './telemetry.js';

/** Period of the timer that drives NACK, reports and watchdogs of all connections. */
const TICK_MS = 10;

/** Period in which the cost of the rooms is measured. */
const SAMPLE_MS = 1000;

const DRAIN_CHECK_MS = 100;

/** After a restart, a room waits at least this long for its people. */
const COME_BACK_MS = 60_000;

/** Whether new rooms can begin, and the reason if not. */
export type Readiness = 'ready' | 'draining' | 'media_failed' | 'full' | 'busy';

export interface RegistryOptions extends RoomOptions {
  readonly defaults: RoomDefaults;
  readonly maxRooms: number;
}

export interface RegistryDependencies {
  /** Started and closed by the registry. */
  readonly pool: ProcessSource & Pick<MediaPool, 'start' | 'ask' | 'working' | 'close'>;
  readonly admission: Admission;
  /** Closed by the registry. */
  readonly archive: RoomArchive;
  readonly logger: Logger;
  /** Called for each room that begins, before its update `started`. */
  onRoom(room: Room): void;
  /** CPU time of recordings and live outputs since the server began. */
  egressCpuMicros(): Micros;
}

export interface RegistrySnapshot {
  readonly rooms: readonly ({ readonly id: string } & RoomSnapshot)[];
  /** Of all rooms since the server began, those that have ended included. */
  readonly totals: RoomTotals;
}

interface Entry {
  readonly room: Room;
  readonly lifetime: RoomLifetime;
}

export class RoomRegistry {
  readonly admission: Admission;
  private readonly rooms = new Map<string, Entry>();
  /** Of rooms that have ended. */
  private readonly past = new ServerTotals();
  /** Rooms that are being kept before they begin. */
  private readonly creating = new Set<string>();
  private codecs: readonly CompositeCodec[] = [];
  private mix: MixSettings;
  private ticker: NodeJS.Timeout | undefined;
  private sampler: NodeJS.Timeout | undefined;
  private draining = false;
  private closed = false;

  constructor(
    private readonly options: RegistryOptions,
    private readonly dependencies: RegistryDependencies,
  ) {
    this.admission = dependencies.admission;
    this.mix = options.mix;
  }

  /**
   * Finds the encoders and takes up the rooms of the last run.
   * @returns codecs that composites can be encoded in, best first; rejects if media processes cannot
   *   run on this machine.
   */
  async start(): Promise<readonly CompositeCodec[]> {
    const { pool, archive, logger } = this.dependencies;
    const [{ codecs, mix }, archived] = await Promise.all([
      availableEncoders(pool, this.options, logger),
      archive.load(),
    ]);
    this.codecs = codecs;
    this.mix = mix;
    this.sampler = setInterval(() => this.sampleLoad(), SAMPLE_MS);
    for (const room of archived) this.restore(room);
    return codecs;
  }

  /** Codecs that composites can be encoded in, best first; none before the start. */
  get encoders(): readonly CompositeCodec[] {
    return this.codecs;
  }

  get readiness(): Readiness {
    if (this.closed || this.draining) return 'draining';
    if (!this.dependencies.pool.working) return 'media_failed';
    if (this.rooms.size >= this.options.maxRooms) return 'full';
    return this.admission.isFull ? 'busy' : 'ready';
  }

  get all(): readonly Room[] {
    return [...this.rooms.values()].map(({ room }) => room);
  }

  /** Every room's telemetry, each read once, and the counters of all rooms since the server began. */
  snapshot(): RegistrySnapshot {
    const rooms = this.all.map(({ id, telemetry }) => ({ id, ...telemetry.snapshot() }));
    const sum = new ServerTotals();
    sum.add(this.past.totals);
    for (const { totals } of rooms) sum.add(totals);
    return { rooms, totals: sum.totals };
  }

  /** @throws TesseraError `room_not_found`. */
  find(id: string): Room {
    return this.entryOf(id).room;
  }

  /**
   * Begins a room with its own settings, once it is kept over a restart.
   * @throws TesseraError `room_exists`, `room_full`, `shutting_down`, `resources_low`, as
   *   {@link RoomArchive.keepNew}, or as {@link Room.update}.
   */
  async create(id: string, wanted: Partial<RoomSettings>): Promise<Room> {
    this.checkName(id);
    this.checkSpace();
    this.admission.checkResources();
    checkChange(wanted, undefined, new Set());
    const { archive } = this.dependencies;
    const settings = settingsFrom(this.options.defaults, wanted);
    this.creating.add(id);
    try {
      await archive.keepNew(id, settings);
    } finally {
      this.creating.delete(id);
    }
    try {
      // Somebody may have joined meanwhile.
      this.checkName(id);
      const entry = this.add(id, settings, { setUp: true });
      entry.lifetime.endWhenEmpty();
      return entry.room;
    } catch (error) {
      await archive.unkeep(id);
      throw error;
    }
  }

  /** As {@link RoomArchive.flushed}. */
  kept(id: string): Promise<void> {
    return this.dependencies.archive.flushed(id);
  }

  /**
   * The room with this name, which begins if there is none; resolves when it is ready for media.
   * @throws TesseraError `room_full`, `server_busy`, `resources_low`, `shutting_down`, `media_failed`.
   */
  async open(id: string): Promise<Room> {
    const known = this.rooms.get(id);
    if (!known) this.admission.admit(undefined, 'sender', nowMicros());
    const entry = known ?? this.add(id, settingsFrom(this.options.defaults), { setUp: false });
    try {
      await entry.room.start();
    } catch (error) {
      if (this.rooms.get(id) === entry && !entry.room.membership.inUse) {
        await this.end(id, new TesseraError('media_failed', 'the room could not begin'));
      }
      throw new TesseraError('media_failed', 'no media process could be started', {
        cause: error,
        next: 'See the server log; `npm ci` may have left out the native package of node-av.',
      });
    }
    // A join that fails after this must not leave the room behind.
    if (this.rooms.get(id) === entry) entry.lifetime.endWhenEmpty();
    return entry.room;
  }

  /** Ends a room for everybody in it. @throws TesseraError `room_not_found`. */
  async end(
    id: string,
    reason = new TesseraError('room_ended', 'the room was ended'),
  ): Promise<void> {
    const { room, lifetime } = this.entryOf(id);
    const { archive, logger } = this.dependencies;
    this.rooms.delete(id);
    lifetime.stop();
    this.tickWhileNeeded();
    // When the server ends, its rooms are kept for the next run.
    const forgotten = this.closed ? undefined : archive.forget(room);
    this.past.add(room.telemetry.totals);
    await room.close(reason);
    await forgotten;
    logger.info({ room: id }, 'room ended');
    room.updates.publish({ type: 'ended' });
  }

  /** Begins no new rooms any more; resolves when nobody is in a room, or with `limit`. */
  async drain(limit: Promise<void>): Promise<void> {
    this.draining = true;
    let over = false;
    limit.then(() => {
      over = true;
    });
    while (!over && this.all.some(({ size }) => size > 0)) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const { archive, pool } = this.dependencies;
    archive.stop();
    clearInterval(this.sampler);
    const reason = new TesseraError('shutting_down', 'the server is shutting down');
    await Promise.all([...this.rooms.keys()].map((id) => this.end(id, reason)));
    await Promise.all([pool.close(), archive.close()]);
  }

  private add(
    id: string,
    settings: RoomSettings,
    { setUp, previous }: { readonly setUp: boolean; readonly previous?: PreviousRoom },
  ): Entry {
    this.checkSpace();
    const { pool, archive, admission, onRoom } = this.dependencies;
    const logger = this.dependencies.logger.child({ room: id });
    const room = new Room(
      id,
      settings,
      { ...this.options, mix: this.mix, videoCodecs: this.codecs },
      {
        pool,
        logger,
        admit: (measured, kind, now) => admission.admit(measured, kind, now),
        admitVideo: (size, now) => admission.admitVideo(size, now),
        revoke: (grant) => archive.revoked.revoke(grant),
        roles: {
          keep: (grant, from, role) => archive.roles.keep(id, grant, from, role),
          roleOf: (grant) => archive.roles.roleOf(id, grant, grant.role),
        },
      },
      previous,
    );
    const lifetime = new RoomLifetime(room, (reason) => this.endQuietly(room, reason));
    const entry = { room, lifetime };
    this.rooms.set(id, entry);
    archive.follow(room, setUp);
    onRoom(room);
    this.tickWhileNeeded();
    logger.info('room started');
    room.updates.publish({ type: 'started' });
    return entry;
  }

  /** @throws TesseraError `room_exists`. */
  private checkName(id: string): void {
    if (!this.rooms.has(id) && !this.creating.has(id)) return;
    throw new TesseraError('room_exists', `there is a room ${id} already`, {
      next: 'PATCH it, or delete it first.',
    });
  }

  /** @throws TesseraError `shutting_down`, `room_full`. */
  private checkSpace(): void {
    if (this.closed || this.draining) {
      throw new TesseraError('shutting_down', 'the server is shutting down: no new rooms', {
        next: 'Try again in a moment.',
      });
    }
    if (this.rooms.size >= this.options.maxRooms) {
      throw new TesseraError('room_full', `the server has ${this.options.maxRooms} rooms`, {
        next: 'Try again later, or raise server.maxRooms.',
      });
    }
  }

  private restore({ id, settings, ...previous }: ArchivedRoom): void {
    try {
      const whole = settingsFrom(this.options.defaults, settings);
      const { lifetime } = this.add(id, whole, { setUp: true, previous });
      lifetime.endWhenEmpty(Math.max(COME_BACK_MS, settings.emptySeconds * 1000));
    } catch (error) {
      this.dependencies.logger.error({ error, room: id }, 'a room could not be taken up again');
    }
  }

  private entryOf(id: string): Entry {
    const entry = this.rooms.get(id);
    if (!entry) throw new TesseraError('room_not_found', `there is no room ${id}`);
    return entry;
  }

  private tickWhileNeeded(): void {
    if (this.rooms.size > 0) this.ticker ??= setInterval(() => this.tick(), TICK_MS);
    else {
      clearInterval(this.ticker);
      this.ticker = undefined;
    }
  }

  private tick(): void {
    const now = nowMicros();
    for (const { room } of this.rooms.values()) room.tick(now);
  }

  private sampleLoad(): void {
    const { egressCpuMicros, archive } = this.dependencies;
    const measured = this.all.map(({ telemetry }) => telemetry);
    this.admission.sample(measured, nowMicros(), egressCpuMicros());
    for (const room of this.all) {
      room.setLoadFloor(this.admission.floor);
      room.membership.dismissEnded((grant) => archive.revoked.endOf(grant));
      room.followRoles();
    }
  }

  private endQuietly(room: Room, reason?: TesseraError): void {
    if (this.rooms.get(room.id)?.room !== room) return;
    this.end(room.id, reason).catch((error: unknown) =>
      this.dependencies.logger.error({ error }, 'ending a room failed'),
    );
  }
}

/** All rooms of the server: made on the first join or by the API, ended some time after the last leave. */
import { join } from 'node:path';
import { TesseraError } from '../errors.js';
import type { ImageLimits, MixSettings, SanitizedImage } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import { nowMicros } from '../util/clock.js';
import { CounterTotals } from '../util/counter-totals.js';
import { RecordStore } from '../util/record-store.js';
import type { Micros } from '../util/units.js';
import { Admission, type AdmissionOptions } from './admission.js';
import { ImageIntake } from './image-intake.js';
import { MediaPool } from './media-pool.js';
import { type Revocation, RevokedTokens } from './revoked-tokens.js';
import { type PreviousRoom, Room, type RoomOptions } from './room.js';
import { eventsOf, type RoomEvent } from './room-events.js';
import {
  checkChange,
  type RoomDefaults,
  type RoomSettings,
  settingsFrom,
} from './room-settings.js';
import type { RoomUpdate } from './room-update.js';

/** NACK, reports and watchdogs of all connections run on one timer of this period. */
const TICK_MS = 10;

/** What the rooms cost is looked at so often. */
const SAMPLE_MS = 1000;

const DRAIN_CHECK_MS = 100;

/** Finding out whether a hardware encoder works. */
const PROBE_MS = 10_000;

/** After a restart, people have so long to come back before their room ends. */
const COME_BACK_MS = 60_000;

/** Timers take no more; rooms of longer lives end when they are looked at again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export type Readiness = 'ready' | 'draining' | 'media_failed' | 'full' | 'busy';

export interface RoomManagerOptions extends RoomOptions, AdmissionOptions {
  readonly defaults: RoomDefaults;
  readonly maxRooms: number;
  /** Folder for what outlives a restart. */
  readonly dataDir: string;
}

/** A room that somebody set up: it is the same after a restart. */
interface RoomRecord {
  readonly id: string;
  readonly settings: RoomSettings;
  readonly createdAt: number;
  readonly returning: readonly string[];
}

/** An image of such a room. */
interface ImageRecord extends SanitizedImage {
  readonly room: string;
  readonly name: string;
}

interface Entry {
  readonly room: Room;
  /** Whether somebody set it up. */
  kept: boolean;
  emptyTimer: NodeJS.Timeout | undefined;
  endTimer: NodeJS.Timeout | undefined;
}

export class RoomManager {
  readonly revoked: RevokedTokens;
  private readonly rooms = new Map<string, Entry>();
  readonly admission: Admission;
  /** Of rooms that are over. */
  private readonly past = new CounterTotals();
  private readonly pool: MediaPool;
  private readonly store: RecordStore<RoomRecord>;
  private readonly imageStore: RecordStore<ImageRecord>;
  private readonly intake: ImageIntake;
  private readonly revocations: RecordStore<Revocation>;
  private available: readonly CompositeCodec[] = [];
  private mix: MixSettings;
  private ticker: NodeJS.Timeout | undefined;
  private sampler: NodeJS.Timeout | undefined;
  private draining = false;
  private closed = false;

  constructor(
    private readonly options: RoomManagerOptions,
    private readonly logger: Logger,
    private readonly onEvent: (event: RoomEvent) => void = () => {},
    /** CPU time of recordings and live outputs since the server began. */
    private readonly egressCpuMicros: () => Micros = () => 0,
  ) {
    this.pool = new MediaPool(logger);
    this.admission = new Admission(options);
    this.mix = options.mix;
    const report = (error: unknown) => logger.error({ error }, 'a record could not be kept');
    this.store = new RecordStore(join(options.dataDir, 'rooms'), report);
    this.imageStore = new RecordStore(join(options.dataDir, 'images'), report);
    this.intake = new ImageIntake(this.pool);
    this.revocations = new RecordStore(join(options.dataDir, 'revoked'), report);
    this.revoked = new RevokedTokens(this.revocations);
  }

  /** Starts the spare media process; rejects if media processes cannot run on this machine. */
  async start(): Promise<readonly CompositeCodec[]> {
    const [found, records, images] = await Promise.all([
      this.pool.start(),
      this.store.load(),
      this.imageStore.load(),
      this.revoked.load(),
    ]);
    this.available = this.options.videoCodecs.filter((codec) => found.includes(codec));
    await this.checkHardware();
    this.sampler = setInterval(() => this.sampleLoad(), SAMPLE_MS);
    for (const record of records.values()) {
      const own = [...images.values()].filter(({ room }) => room === record.id);
      this.restore(record, new Map(own.map((image) => [image.name, image])));
    }
    return this.available;
  }

  /** Rooms are made without hardware that does not work. */
  private async checkHardware(): Promise<void> {
    const { hardware } = this.mix;
    if (!hardware) return;
    const fault = await this.pool
      .ask(
        { type: 'probe', hardware },
        (event) => (event.type === 'probed' ? (event.fault ?? '') : undefined),
        PROBE_MS,
      )
      .catch((error: unknown) => String(error))
      .then((answer) => answer ?? 'it takes too long');
    if (fault === '') {
      this.logger.info({ hardware }, 'H.264 is encoded in hardware');
      return;
    }
    this.mix = { ...this.mix, hardware: undefined };
    this.logger.warn(
      { hardware, fault },
      'the hardware encoder cannot be used: H.264 is encoded by x264',
    );
  }

  /** Whether new rooms can be opened, and if not, why. */
  get readiness(): Readiness {
    if (this.closed || this.draining) return 'draining';
    if (!this.pool.working) return 'media_failed';
    if (this.rooms.size >= this.options.maxRooms) return 'full';
    return this.admission.isFull ? 'busy' : 'ready';
  }

  /** Opens no new rooms any more. @returns once nobody is in a room, or when `limit` resolves. */
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

  /** Codecs of composites: those in the settings that this machine can encode, best first. */
  get encoders(): readonly CompositeCodec[] {
    return this.available;
  }

  get all(): readonly Room[] {
    return [...this.rooms.values()].map(({ room }) => room);
  }

  /** What was counted in all rooms since the server began. */
  get totals(): Record<string, number> {
    const sum = new CounterTotals();
    sum.addAll(this.past.totals);
    for (const room of this.all) sum.addAll(room.telemetry.totals);
    return sum.totals;
  }

  /** @throws TesseraError `room_not_found`. */
  find(id: string): Room {
    const entry = this.rooms.get(id);
    if (!entry) throw new TesseraError('room_not_found', `there is no room ${id}`);
    return entry.room;
  }

  /** Makes a room with settings of its own. @throws TesseraError `room_exists`. */
  create(id: string, wanted: Partial<RoomSettings>): Room {
    if (this.rooms.has(id)) {
      throw new TesseraError('room_exists', `there is a room ${id} already`, {
        next: 'PATCH it, or delete it first.',
      });
    }
    checkChange(wanted, undefined, new Set());
    const entry = this.add(id, settingsFrom(this.options.defaults, wanted));
    entry.kept = true;
    this.keep(entry);
    this.endWhenEmpty(id);
    return entry.room;
  }

  /** The room of that name, made if need be; resolves when it is ready for media. */
  async open(id: string): Promise<Room> {
    const known = this.rooms.get(id);
    if (!known) this.admission.admit(undefined, 'sender', nowMicros());
    const entry = known ?? this.add(id, settingsFrom(this.options.defaults));
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
    this.endWhenEmpty(id);
    this.ticker ??= setInterval(() => this.tick(), TICK_MS);
    return entry.room;
  }

  /** Makes an uploaded image harmless. @throws TesseraError as {@link ImageIntake.take} does. */
  async takeImage(body: unknown, limits: ImageLimits): Promise<SanitizedImage> {
    return this.intake.take(Buffer.isBuffer(body) ? body : Buffer.alloc(0), limits);
  }

  /** Ends a room for everybody in it. @throws TesseraError `room_not_found`. */
  async end(
    id: string,
    reason = new TesseraError('room_ended', 'the room was ended'),
  ): Promise<void> {
    const entry = this.rooms.get(id);
    if (!entry) throw new TesseraError('room_not_found', `there is no room ${id}`);
    this.rooms.delete(id);
    clearTimeout(entry.emptyTimer);
    clearTimeout(entry.endTimer);
    if (this.rooms.size === 0 && this.ticker) {
      clearInterval(this.ticker);
      this.ticker = undefined;
    }
    // Nothing is left of a room that ended; one that the server's end cut off goes on with the next.
    const kept = this.closed
      ? []
      : [
          this.store.delete(id),
          ...entry.room.images.list.map(({ name }) => this.imageStore.delete(`${id}/${name}`)),
        ];
    this.past.addAll(entry.room.telemetry.totals);
    await entry.room.close(reason);
    await Promise.all(kept);
    this.logger.info({ room: id }, 'room ended');
    entry.room.updates.publish({ type: 'ended' });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.ticker);
    clearInterval(this.sampler);
    const reason = new TesseraError('shutting_down', 'the server is shutting down');
    await Promise.all([...this.rooms.keys()].map((id) => this.end(id, reason)));
    await Promise.all([
      this.pool.close(),
      this.store.settled(),
      this.imageStore.settled(),
      this.revocations.settled(),
    ]);
  }

  private add(id: string, settings: RoomSettings, previous?: PreviousRoom): Entry {
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
    const room = new Room(
      id,
      settings,
      { ...this.options, mix: this.mix, videoCodecs: this.available },
      {
        pool: this.pool,
        logger: this.logger.child({ room: id }),
        admit: (measured, kind, now) => this.admission.admit(measured, kind, now),
        revoke: (grant) => this.revoked.revoke(grant),
      },
      previous,
    );
    const entry: Entry = { room, kept: false, emptyTimer: undefined, endTimer: undefined };
    this.rooms.set(id, entry);
    this.limitLife(entry);
    room.updates.follow((update) => this.follow(entry, update));
    this.logger.info({ room: id }, 'room started');
    room.updates.publish({ type: 'started' });
    return entry;
  }

  private restore(record: RoomRecord, images: ReadonlyMap<string, SanitizedImage>): void {
    try {
      const entry = this.add(record.id, settingsFrom(this.options.defaults, record.settings), {
        ...record,
        images,
      });
      entry.kept = true;
      this.endWhenEmpty(record.id, Math.max(COME_BACK_MS, record.settings.emptySeconds * 1000));
    } catch (error) {
      this.logger.error({ error, room: record.id }, 'a room could not be taken up again');
    }
  }

  private follow(entry: Entry, update: RoomUpdate): void {
    const { room } = entry;
    if (this.rooms.get(room.id) === entry) this.react(entry, update);
    for (const event of eventsOf(update, room)) this.onEvent(event);
  }

  private react(entry: Entry, update: RoomUpdate): void {
    const { id, membership } = entry.room;
    switch (update.type) {
      case 'empty':
        this.endWhenEmpty(id);
        break;
      case 'image':
        this.keepImage(id, update.name, update.image);
        break;
      case 'settings':
        entry.kept = true;
        this.limitLife(entry);
        if (!membership.inUse) this.endWhenEmpty(id);
        this.keep(entry);
        break;
      case 'joined':
      case 'left':
        if (entry.kept) this.keep(entry);
        break;
    }
  }

  private keepImage(room: string, name: string, image: SanitizedImage | undefined): void {
    const key = `${room}/${name}`;
    if (image) this.imageStore.put(key, { ...image, room, name });
    else this.imageStore.delete(key);
  }

  private keep({ room }: Entry): void {
    if (this.closed) return;
    const { id, settings, createdAt, membership } = room;
    const returning = membership.returningDigests;
    this.store.put(id, { id, settings, createdAt, returning });
  }

  private tick(): void {
    const now = nowMicros();
    for (const { room } of this.rooms.values()) room.tick(now);
  }

  private sampleLoad(): void {
    const measured = this.all.map(({ telemetry }) => telemetry);
    this.admission.sample(measured, nowMicros(), this.egressCpuMicros());
    for (const { room } of this.rooms.values()) room.setLoadFloor(this.admission.floor);
  }

  private limitLife(entry: Entry): void {
    clearTimeout(entry.endTimer);
    const { room } = entry;
    const { maxSeconds } = room.settings;
    if (maxSeconds === 0) return;
    const left = room.createdAt + maxSeconds * 1000 - Date.now();
    entry.endTimer = setTimeout(
      () => {
        if (left > MAX_TIMER_MS) this.limitLife(entry);
        else this.endQuietly(room.id, new TesseraError('room_ended', "the room's time is over"));
      },
      Math.min(Math.max(0, left), MAX_TIMER_MS),
    );
  }

  private endWhenEmpty(id: string, afterMs?: number): void {
    const entry = this.rooms.get(id);
    if (!entry || this.closed) return;
    clearTimeout(entry.emptyTimer);
    const delay = afterMs ?? entry.room.settings.emptySeconds * 1000;
    entry.emptyTimer = setTimeout(() => {
      if (!entry.room.membership.inUse && this.rooms.get(id) === entry) this.endQuietly(id);
    }, delay);
  }

  private endQuietly(id: string, reason?: TesseraError): void {
    this.end(id, reason).catch((error: unknown) =>
      this.logger.error({ error }, 'ending a room failed'),
    );
  }
}

/** All rooms of the server: made on the first join, ended some time after the last leave. */
import { TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import { nowMicros } from '../shared/clock.js';
import type { VideoCodec } from '../shared/units.js';
import { MediaPool } from './media-pool.js';
import { Room, type RoomOptions } from './room.js';

/** NACK, reports and watchdogs of all connections run on one timer of this period. */
const TICK_MS = 10;

const DRAIN_CHECK_MS = 100;

export type Readiness = 'ready' | 'draining' | 'media_failed' | 'full';

export interface RoomManagerOptions extends RoomOptions {
  /** How long an empty room and its media process are kept, in milliseconds. */
  readonly emptyRoomMs: number;
  readonly maxRooms: number;
}

interface Entry {
  readonly room: Room;
  readonly started: Promise<void>;
  emptyTimer: NodeJS.Timeout | undefined;
}

export class RoomManager {
  private readonly rooms = new Map<string, Entry>();
  private readonly pool: MediaPool;
  /** Codecs for composites: those wanted and there, best first. */
  private encoders: readonly VideoCodec[] = [];
  private ticker: NodeJS.Timeout | undefined;
  private draining = false;
  private closed = false;

  constructor(
    private readonly options: RoomManagerOptions,
    private readonly logger: Logger,
  ) {
    this.pool = new MediaPool(logger);
  }

  /** Starts the spare media process; rejects if media processes cannot run on this machine. */
  async start(): Promise<readonly VideoCodec[]> {
    const found = await this.pool.start();
    this.encoders = this.options.videoCodecs.filter((codec) => found.includes(codec));
    return this.encoders;
  }

  /** Whether new rooms can be opened, and if not, why. */
  get readiness(): Readiness {
    if (this.closed || this.draining) return 'draining';
    if (!this.pool.working) return 'media_failed';
    return this.rooms.size >= this.options.maxRooms ? 'full' : 'ready';
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

  get all(): readonly Room[] {
    return [...this.rooms.values()].map(({ room }) => room);
  }

  /** The room of that name, made if need be; resolves when it is ready for media. */
  async open(id: string): Promise<Room> {
    if (this.closed) throw new TesseraError('shutting_down', 'the server is shutting down');
    let entry = this.rooms.get(id);
    if (!entry) {
      if (this.draining) {
        throw new TesseraError('shutting_down', 'the server is shutting down: no new rooms', {
          next: 'Try again in a moment.',
        });
      }
      if (this.rooms.size >= this.options.maxRooms) {
        throw new TesseraError('room_full', `the server has ${this.options.maxRooms} rooms`, {
          next: 'Try again later, or raise server.maxRooms.',
        });
      }
      const logger = this.logger.child({ room: id });
      const room = new Room(
        id,
        { ...this.options, videoCodecs: this.encoders },
        this.pool,
        logger,
        () => this.onEmpty(id),
      );
      entry = { room, started: room.start(), emptyTimer: undefined };
      this.rooms.set(id, entry);
      logger.info('room started');
    }
    try {
      await entry.started;
    } catch (error) {
      this.rooms.delete(id);
      throw new TesseraError('media_failed', 'no media process could be started', {
        cause: error,
        next: 'See the server log; `npm ci` may have left out the native package of node-av.',
      });
    }
    if (entry.emptyTimer) clearTimeout(entry.emptyTimer);
    entry.emptyTimer = undefined;
    // A join that fails after this must not leave the room behind.
    if (entry.room.size === 0) this.onEmpty(id);
    this.ticker ??= setInterval(() => this.tick(), TICK_MS);
    return entry.room;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.ticker) clearInterval(this.ticker);
    await Promise.all([...this.rooms.keys()].map((id) => this.end(id)));
    await this.pool.close();
  }

  private tick(): void {
    const now = nowMicros();
    for (const { room } of this.rooms.values()) room.tick(now);
  }

  private onEmpty(id: string): void {
    const entry = this.rooms.get(id);
    if (!entry || this.closed) return;
    if (entry.emptyTimer) clearTimeout(entry.emptyTimer);
    entry.emptyTimer = setTimeout(() => {
      if (entry.room.size > 0) return;
      this.end(id).catch((error: unknown) => this.logger.error({ error }, 'ending a room failed'));
    }, this.options.emptyRoomMs);
  }

  private async end(id: string): Promise<void> {
    const entry = this.rooms.get(id);
    if (!entry) return;
    this.rooms.delete(id);
    if (entry.emptyTimer) clearTimeout(entry.emptyTimer);
    if (this.rooms.size === 0 && this.ticker) {
      clearInterval(this.ticker);
      this.ticker = undefined;
    }
    await entry.room.close();
    this.logger.info({ room: id }, 'room ended');
  }
}

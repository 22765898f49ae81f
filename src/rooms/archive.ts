/**
 * What is kept over a restart of the server: rooms that somebody set up, with their images and with
 * those who may come back, and the tokens that were taken back.
 */
import { join } from 'node:path';
import { TesseraError } from '../errors.js';
import type { SanitizedImage } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import { LogLimit } from '../util/log-limit.js';
import { RecordStore } from '../util/record-store.js';
import { type Revocation, RevokedTokens } from './revoked-tokens.js';
import { type RoleChange, RoleChanges } from './role-changes.js';
import type { PreviousRoom, Room } from './room.js';
import type { RoomSettings } from './room-settings.js';
import type { RoomUpdate } from './room-update.js';

interface RoomRecord {
  readonly id: string;
  readonly settings: RoomSettings;
  /** In ms since 1970. */
  readonly createdAt: number;
  /** Digests of resume tokens. */
  readonly returning: readonly string[];
}

interface ImageRecord extends SanitizedImage {
  readonly room: string;
  readonly name: string;
}

export interface ArchivedRoom extends PreviousRoom {
  readonly id: string;
  readonly settings: RoomSettings;
}

/** A room, as far as the archive needs it. */
export type ArchivableRoom = Pick<Room, 'id' | 'settings' | 'createdAt' | 'updates'> & {
  readonly membership: Pick<Room['membership'], 'returningDigests'>;
  readonly images: Pick<Room['images'], 'list'>;
};

interface Entry {
  readonly room: ArchivableRoom;
  /** Somebody set the room up: it is kept. */
  kept: boolean;
  readonly unfollow: () => void;
}

/** Time between two log lines about records that cannot be kept: on a full disk there are many. */
const TELL_MS = 60_000;
/** Of an error of the file system that says that there is no space: on the disk, or of a quota. */
const NO_SPACE: readonly unknown[] = ['ENOSPC', 'EDQUOT'];

/** Why nothing new may be kept; undefined if it may. */
export type DiskRefusal = () => TesseraError | undefined;

function notKept(cause: unknown, what: string): TesseraError {
  const isFull = NO_SPACE.includes((cause as NodeJS.ErrnoException).code);
  return isFull
    ? new TesseraError('disk_full', `the disk of data.dir is full: ${what}`, {
        cause,
        next: 'Free some space, then try again.',
      })
    : new TesseraError('write_failed', `data.dir cannot be written to: ${what}`, {
        cause,
        next: 'See the server log, and check the folder with `tessera doctor`.',
      });
}

export class RoomArchive {
  readonly revoked: RevokedTokens;
  readonly roles: RoleChanges;
  /** Of rooms, images and tokens that were taken back. */
  readonly counters = { records_not_kept: 0 };
  private readonly records: RecordStore<RoomRecord>;
  private readonly images: RecordStore<ImageRecord>;
  private readonly revocations: RecordStore<Revocation>;
  private readonly roleRecords: RecordStore<RoleChange>;
  private readonly entries = new Map<string, Entry>();
  private readonly logLimit = new LogLimit(TELL_MS);

  /** @param folder for what outlives a restart. */
  constructor(
    folder: string,
    private readonly logger: Logger,
    private readonly refusal: DiskRefusal = () => undefined,
  ) {
    const report = (error: unknown) => this.report(error);
    this.records = new RecordStore(join(folder, 'rooms'), report);
    this.images = new RecordStore(join(folder, 'images'), report);
    this.revocations = new RecordStore(join(folder, 'revoked'), report);
    this.revoked = new RevokedTokens(this.revocations);
    this.roleRecords = new RecordStore(join(folder, 'roles'), report);
    this.roles = new RoleChanges(this.roleRecords);
  }

  /** The rooms of the last run. */
  async load(): Promise<readonly ArchivedRoom[]> {
    const [records, images] = await Promise.all([
      this.records.load(),
      this.images.load(),
      this.revoked.load(),
      this.roles.load(),
    ]);
    return [...records.values()].map((record) => {
      const own = [...images.values()].filter(({ room }) => room === record.id);
      return { ...record, images: new Map(own.map((image) => [image.name, image])) };
    });
  }

  /**
   * Keeps a room that is about to begin, so that one which cannot be kept does not begin.
   * @throws TesseraError `disk_low`, `disk_full`, `write_failed`.
   */
  async keepNew(id: string, settings: RoomSettings): Promise<void> {
    const refusal = this.refusal();
    if (refusal) throw refusal;
    try {
      await this.records.write(id, { id, settings, createdAt: Date.now(), returning: [] });
    } catch (error) {
      throw notKept(error, 'the room was not made');
    }
  }

  /** Undoes {@link keepNew}. */
  unkeep(id: string): Promise<void> {
    return this.records.delete(id);
  }

  /**
   * Resolves when all changes of a room are on the disk.
   * @throws TesseraError `disk_full`, `write_failed`: they hold until the server restarts.
   */
  async flushed(id: string): Promise<void> {
    try {
      await this.records.flushed((name) => name === id);
      await this.images.flushed((name) => name.startsWith(`${id}/`));
    } catch (error) {
      throw notKept(error, 'the change is made, but a restart of the server undoes it');
    }
  }

  /**
   * Keeps what changes in a room from now on.
   * @param setUp whether it was set up; otherwise it is kept when somebody changes its settings.
   */
  follow(room: ArchivableRoom, setUp: boolean): void {
    const unfollow = room.updates.follow((update) => this.onUpdate(entry, update));
    const entry: Entry = { room, kept: setUp, unfollow };
    this.entries.set(room.id, entry);
    if (setUp) this.keep(entry);
  }

  /** Forgets a room that has ended. */
  async forget({ id, images }: ArchivableRoom): Promise<void> {
    this.entries.get(id)?.unfollow();
    this.entries.delete(id);
    await Promise.all([
      this.records.delete(id),
      ...images.list.map(({ name }) => this.images.delete(`${id}/${name}`)),
    ]);
  }

  /** Follows no room any more: all stay as they are now, for the next run. */
  stop(): void {
    for (const { unfollow } of this.entries.values()) unfollow();
    this.entries.clear();
  }

  /** Resolves when everything is on the disk. */
  async close(): Promise<void> {
    this.stop();
    const stores = [this.records, this.images, this.revocations, this.roleRecords];
    await Promise.all(stores.map((store) => store.settled()));
  }

  private report(error: unknown): void {
    this.counters.records_not_kept++;
    const records = this.logLimit.due(performance.now());
    if (records === undefined) return;
    this.logger.error(
      { error, records },
      'records could not be kept: what they hold is gone after a restart',
    );
  }

  private onUpdate(entry: Entry, update: RoomUpdate): void {
    switch (update.type) {
      case 'settings':
        entry.kept = true;
        this.keep(entry);
        break;
      case 'joined':
      case 'left':
        if (entry.kept) this.keep(entry);
        break;
      case 'image':
        this.keepImage(entry.room.id, update.name, update.image);
        break;
    }
  }

  private keep({ room: { id, settings, createdAt, membership } }: Entry): void {
    this.records.put(id, { id, settings, createdAt, returning: membership.returningDigests });
  }

  private keepImage(room: string, name: string, image: SanitizedImage | undefined): void {
    const key = `${room}/${name}`;
    if (image) this.images.put(key, { ...image, room, name });
    else this.images.delete(key);
  }
}

/**
 * The running outputs of one kind, in all rooms: recordings or live outputs. It keeps the limit per
 * room, tells each room what leaves it, and ends the outputs of a room that is over.
 */
import { TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { EgressState, Room } from '../rooms/room.js';

/** What the registry needs of a room. */
export interface RegistryRoom extends Pick<Room, 'egress' | 'setEgress'> {
  readonly sid: string;
  readonly updates: Pick<Room['updates'], 'follow'>;
}

/** One output, from its creation to its end. */
export interface RoomOutput {
  readonly id: string;
  readonly room: RegistryRoom;
  /** Ends it. Idempotent; resolves when nothing of it runs. */
  stop(): Promise<void>;
}

export interface OutputRegistryOptions<Output> {
  readonly maxPerRoom: number;
  /** The error for one output too many. */
  tooMany(): TesseraError;
  /** What participants of a room see, given the outputs that the room has. */
  stateOf(outputs: readonly Output[]): Partial<EgressState>;
}

/** Outputs that are being created in one room. */
interface Pending {
  count: number;
  roomEnded: boolean;
}

export class OutputRegistry<Output extends RoomOutput> {
  private readonly outputs = new Map<string, Output>();
  /** By the room's sid. */
  private readonly pending = new Map<string, Pending>();
  private closed = false;

  constructor(
    private readonly options: OutputRegistryOptions<Output>,
    private readonly logger: Logger,
  ) {}

  get all(): readonly Output[] {
    return [...this.outputs.values()];
  }

  find(id: string): Output | undefined {
    return this.outputs.get(id);
  }

  inRoom(sid: string): readonly Output[] {
    return this.all.filter(({ room }) => room.sid === sid);
  }

  /**
   * Adds an output, which the caller then starts. Outputs that are still being created count too.
   * @throws TesseraError `shutting_down`, `room_ended`, the error of `tooMany`; what `create` throws.
   */
  async add(room: RegistryRoom, create: () => Promise<Output>): Promise<Output> {
    if (this.closed) throw shuttingDown();
    const pending = this.pending.get(room.sid) ?? { count: 0, roomEnded: false };
    if (this.inRoom(room.sid).length + pending.count >= this.options.maxPerRoom) {
      throw this.options.tooMany();
    }
    pending.count++;
    this.pending.set(room.sid, pending);
    try {
      const output = await create();
      if (this.closed) throw shuttingDown();
      if (pending.roomEnded) throw new TesseraError('room_ended', 'the room has ended');
      this.outputs.set(output.id, output);
      return output;
    } finally {
      pending.count--;
      if (pending.count === 0) this.pending.delete(room.sid);
    }
  }

  /** The output has ended, or could not be started. */
  remove({ id, room }: Output): void {
    if (this.outputs.delete(id)) this.updateRoom(room);
  }

  /** Tells a room's participants what leaves it, if that has changed. */
  updateRoom(room: RegistryRoom): void {
    room.setEgress({ ...room.egress, ...this.options.stateOf(this.inRoom(room.sid)) });
  }

  /** Ends the outputs of a room when the room ends. Called once for each room. */
  follow({ sid, updates }: RegistryRoom): void {
    updates.follow(({ type }) => {
      if (type === 'ended') this.roomEnded(sid);
    });
  }

  /** Adds no more and ends all. Idempotent; a stop that fails is logged. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.all.map((output) => this.stop(output)));
  }

  private roomEnded(sid: string): void {
    const pending = this.pending.get(sid);
    if (pending) pending.roomEnded = true;
    for (const output of this.inRoom(sid)) {
      this.stop(output).catch((error: unknown) => this.logger.error({ error }, 'a stop failed'));
    }
  }

  private async stop(output: Output): Promise<void> {
    try {
      await output.stop();
    } catch (error) {
      this.logger.error({ error, output: output.id }, 'an output could not be stopped');
    }
  }
}

function shuttingDown(): TesseraError {
  return new TesseraError('shutting_down', 'the server is shutting down');
}

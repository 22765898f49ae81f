/**
 * Carries the updates of one room, at once and in order. A listener that throws is logged and counted;
 * the others still get the update. A listener added during an update gets the next one.
 */
import type { Logger } from '../logger.js';
import type { MemberUpdate, RoomUpdate, Update } from './room-update.js';

export type UpdateListener = (update: RoomUpdate) => void;
export type MemberListener = (update: Update) => void;

export class UpdateBus {
  readonly counters = { update_listener_errors: 0 };
  private readonly followers = new Set<UpdateListener>();
  private readonly members = new Map<string, MemberListener>();

  constructor(private readonly logger: Logger) {}

  /** Listens to what everybody learns. @returns a function that ends it. */
  follow(listener: UpdateListener): () => void {
    // Each call is a subscription of its own, even of the same function.
    const follower: UpdateListener = (update) => listener(update);
    this.followers.add(follower);
    return () => this.followers.delete(follower);
  }

  /** Listens to what one participant learns, or one who waits, until {@link detach}. */
  attach(id: string, listener: MemberListener): void {
    this.members.set(id, listener);
  }

  detach(id: string): void {
    this.members.delete(id);
  }

  publish(update: RoomUpdate): void {
    for (const follower of [...this.followers]) {
      if (this.followers.has(follower)) this.deliver(follower, update);
    }
  }

  /** Does nothing if nobody of that id is attached. */
  tell(id: string, update: MemberUpdate): void {
    const listener = this.members.get(id);
    if (listener) this.deliver(listener, update);
  }

  private deliver<U extends Update>(listener: (update: U) => void, update: U): void {
    try {
      listener(update);
    } catch (error) {
      this.counters.update_listener_errors++;
      this.logger.error({ error, update: update.type }, 'a listener of room updates failed');
    }
  }
}

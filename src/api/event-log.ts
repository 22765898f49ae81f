/** The latest events of all rooms, for streams that connect again. */
import { isMomentary, type RoomEvent } from '../rooms/room-events.js';

/** Events that are kept. */
const KEPT = 1000;

export type EventListener = (event: RoomEvent) => void;

export class EventLog {
  private readonly events: RoomEvent[] = [];
  private readonly listeners = new Set<EventListener>();

  publish(event: RoomEvent): void {
    if (!isMomentary(event.event)) this.events.push(event);
    if (this.events.length > KEPT) this.events.shift();
    for (const listener of this.listeners) listener(event);
  }

  /** Events after the one with this id; none if it is unknown or too old. */
  after(id: string): readonly RoomEvent[] {
    const at = this.events.findIndex((event) => event.id === id);
    return at < 0 ? [] : this.events.slice(at + 1);
  }

  /** @returns a function that ends the subscription. */
  subscribe(listener: EventListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

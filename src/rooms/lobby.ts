/** People who wait until a host lets them in. */
import { randomUUID } from 'node:crypto';

export interface WaitingInfo {
  readonly id: string;
  readonly name: string;
  readonly identity: string;
  /** When they came, in ms since 1970. */
  readonly since: number;
}

interface Waiting<T> {
  readonly info: WaitingInfo;
  readonly request: T;
}

export class Lobby<T> {
  private readonly waiting = new Map<string, Waiting<T>>();

  get size(): number {
    return this.waiting.size;
  }

  /** In the order in which they came. */
  get list(): WaitingInfo[] {
    return [...this.waiting.values()].map(({ info }) => info);
  }

  add(name: string, identity: string, request: T): WaitingInfo {
    const info = { id: randomUUID(), name, identity, since: Date.now() };
    this.waiting.set(info.id, { info, request });
    return info;
  }

  find(id: string): Waiting<T> | undefined {
    return this.waiting.get(id);
  }

  /** Removes somebody. @returns undefined if nobody with that id waits. */
  take(id: string): Waiting<T> | undefined {
    const found = this.waiting.get(id);
    this.waiting.delete(id);
    return found;
  }
}

/**
 * Where a connection's media goes, once ICE has found a way. ICE's own pair is taken first; after
 * that the client is followed: when its address changes under way (a NAT forgot it, a phone changed
 * networks) its authenticated packets come from elsewhere, and as soon as that address has answered
 * or made a connectivity check, media goes there, without an ICE restart. Pure; times in microseconds.
 */
import type { Micros } from '../util/units.js';

/** The current address must have been silent for so long before another takes its place. */
const SILENT_AFTER: Micros = 100_000;
/** ... or for so long, when all that comes from the other are connectivity checks. */
const DEAD_AFTER: Micros = 1_000_000;
const CHECK_INTERVAL: Micros = 200_000;
/** Media is sent only where a check was made or answered within this (RFC 7675, 5.1). */
const CONSENT: Micros = 30_000_000;

export interface RemoteAddress<Socket> {
  /** The local socket it is reached through. */
  readonly socket: Socket;
  readonly host: string;
  readonly port: number;
}

export interface MediaPathEvents<Socket> {
  /** Sends a connectivity check; resolves if it is answered, rejects if not. */
  check(address: RemoteAddress<Socket>): Promise<void>;
  /** Whether the address has made a connectivity check that was authentic. */
  isValidated(host: string, port: number): boolean;
  now(): Micros;
}

export class MediaPath<Socket> {
  readonly counters = { path_changes: 0, path_checks: 0 };
  private current: RemoteAddress<Socket> | undefined;
  private heardAt: Micros = 0;
  private consentAt: Micros = 0;
  private checkedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly events: MediaPathEvents<Socket>) {}

  /** Where to send to; undefined while there is no way, or no consent. */
  get address(): RemoteAddress<Socket> | undefined {
    return this.events.now() - this.consentAt < CONSENT ? this.current : undefined;
  }

  /** Whether nothing has come from the current address for a while. */
  isSilent(now: Micros): boolean {
    return now - this.heardAt > SILENT_AFTER;
  }

  /** ICE has chosen a pair: the way from now on. */
  chosen(address: RemoteAddress<Socket>, now: Micros): void {
    this.current = address;
    this.heardAt = now;
    this.consentAt = now;
  }

  /** Authenticated media came from an address. */
  heard(socket: Socket, host: string, port: number, now: Micros): void {
    if (this.isCurrent(socket, host, port)) {
      this.heardAt = now;
      return;
    }
    if (!this.current || !this.isSilent(now)) return;
    const address = { socket, host, port };
    if (this.events.isValidated(host, port)) this.moveTo(address, now);
    else if (now - this.checkedAt >= CHECK_INTERVAL) {
      this.checkedAt = now;
      this.counters.path_checks++;
      this.events.check(address).then(
        () => {
          const answered = this.events.now();
          if (this.isSilent(answered)) this.moveTo(address, answered);
        },
        // Not answered: the next packet from there tries again.
        () => {},
      );
    }
  }

  /** An authentic connectivity check came from an address. */
  checked(socket: Socket, host: string, port: number, nominates: boolean, now: Micros): void {
    if (this.isCurrent(socket, host, port)) {
      this.consentAt = now;
      return;
    }
    if (!this.current || !nominates || now - this.heardAt < DEAD_AFTER) return;
    this.moveTo({ socket, host, port }, now);
  }

  private isCurrent(socket: Socket, host: string, port: number): boolean {
    const { current } = this;
    return current?.port === port && current.host === host && current.socket === socket;
  }

  private moveTo(address: RemoteAddress<Socket>, now: Micros): void {
    this.counters.path_changes++;
    this.chosen(address, now);
  }
}

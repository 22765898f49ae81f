/**
 * The address that a connection's media goes to. It begins with the pair that ICE chose. When the
 * client's address changes (a NAT rebinding, a phone that changes networks), its authenticated packets
 * come from another address; once that address has answered or made a connectivity check, media goes
 * there, without an ICE restart. Pure; times in microseconds.
 */
import type { Micros } from '../util/units.js';

/** How long the current address must be silent before another takes its place. */
const SILENT_AFTER: Micros = 100_000;
/** The same when only connectivity checks come from the other address. */
const DEAD_AFTER: Micros = 1_000_000;
const CHECK_INTERVAL: Micros = 200_000;
/** Media is sent only to an address that made or answered a check within this time (RFC 7675, 5.1). */
const CONSENT: Micros = 30_000_000;

export interface RemoteAddress<Socket> {
  /** The local socket that reaches it. */
  readonly socket: Socket;
  readonly host: string;
  readonly port: number;
}

export interface MediaPathCounters {
  path_changes: number;
  /** Connectivity checks of our own, sent to a new address. */
  path_checks: number;
}

export interface MediaPathEvents<Socket> {
  /** Sends a connectivity check; resolves if it is answered, rejects if not. */
  check(address: RemoteAddress<Socket>): Promise<void>;
  /** Whether the address has made an authentic connectivity check. */
  isValidated(host: string, port: number): boolean;
  now(): Micros;
}

export class MediaPath<Socket> {
  readonly counters: MediaPathCounters = { path_changes: 0, path_checks: 0 };
  private current: RemoteAddress<Socket> | undefined;
  private heardAt: Micros = 0;
  private consentAt: Micros = 0;
  private checkedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly events: MediaPathEvents<Socket>) {}

  /** Where to send; undefined while there is no address, or no consent. */
  get address(): RemoteAddress<Socket> | undefined {
    return this.events.now() - this.consentAt < CONSENT ? this.current : undefined;
  }

  /** Whether the current address has been silent for a while. */
  isSilent(now: Micros): boolean {
    return now - this.heardAt > SILENT_AFTER;
  }

  /** ICE has chosen a pair: media goes there from now on. */
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
        // Not answered. The next packet from that address tries again.
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

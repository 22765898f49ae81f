/**
 * Decides which datagrams may reach werift and our SRTP. werift 0.24 answers unauthenticated STUN,
 * makes candidate pairs of it, and ends the connection on a plaintext DTLS alert from any address. So
 * each datagram is judged here first, by its first byte (RFC 7983).
 */
import { TokenBucket } from '../util/token-bucket.js';
import type { Micros } from '../util/units.js';
import {
  CLIENT_HELLO,
  DTLS_ALERT,
  DTLS_APPLICATION_DATA,
  DTLS_CHANGE_CIPHER_SPEC,
  DTLS_HANDSHAKE,
  recordsOf,
} from './dtls-records.js';
import {
  isAuthenticResponse,
  readConnectivityCheck,
  stunClass,
  stunTransactionId,
} from './stun-integrity.js';

/** Addresses that made an authentic check; beyond, the oldest is forgotten. */
const MAX_VALIDATED = 16;
/** How long after the handshake the peer may still repeat its last flight. */
const HANDSHAKE_GRACE: Micros = 10_000_000;

/** Media packets from unchecked addresses that are tried while the known address is silent. */
const TRIALS_PER_SECOND = 200;

export type Verdict = 'stun' | 'nomination' | 'dtls' | 'media' | 'drop';

export interface GuardCounters {
  guard_stun_unauthenticated: number;
  guard_unvalidated_address: number;
  guard_dtls_refused: number;
  guard_unknown: number;
  /** Media packets from unchecked addresses. */
  guard_media_tried: number;
}

export interface GuardOptions {
  passwordOf(fragment: string): string | undefined;
  /** Whether we await a response to this STUN transaction (hex id). */
  isPending(transactionId: string): boolean;
  /** Of the client, with which it authenticates its responses. */
  remotePassword(): string;
  /** Whether media may have moved to another address: then some packets of any address are tried. */
  mayHaveMoved(now: Micros): boolean;
}

export class DatagramGuard {
  readonly counters: GuardCounters = {
    guard_stun_unauthenticated: 0,
    guard_unvalidated_address: 0,
    guard_dtls_refused: 0,
    guard_unknown: 0,
    guard_media_tried: 0,
  };
  private readonly validated = new Set<string>();
  private handshakeDoneAt: Micros | undefined;
  private readonly trials = new TokenBucket(TRIALS_PER_SECOND);

  constructor(private readonly options: GuardOptions) {}

  /** The DTLS handshake is complete: from now on plaintext records are refused. */
  handshakeDone(now: Micros): void {
    this.handshakeDoneAt = now;
  }

  judge(data: Buffer, address: string, port: number, now: Micros): Verdict {
    const first = data[0];
    if (first === undefined) return this.refuse('guard_unknown');
    const from = `${address}/${port}`;
    if (first <= 3) return this.judgeStun(data, from);
    if (first >= 20 && first <= 63) {
      if (!this.validated.has(from)) return this.refuse('guard_unvalidated_address');
      return this.allowsDtls(data, now) ? 'dtls' : this.refuse('guard_dtls_refused');
    }
    if (first >= 128 && first <= 191) {
      if (this.validated.has(from) || this.mayTry(now)) return 'media';
      return this.refuse('guard_unvalidated_address');
    }
    return this.refuse('guard_unknown');
  }

  /** Treats an address as one that has made an authentic check. */
  trust(address: string, port: number): void {
    this.validate(`${address}/${port}`);
  }

  isValidated(address: string, port: number): boolean {
    return this.validated.has(`${address}/${port}`);
  }

  /** SRTP authenticates media by itself; the limit keeps a flood of garbage cheap. */
  private mayTry(now: Micros): boolean {
    if (!this.options.mayHaveMoved(now)) return false;
    if (!this.trials.take(now)) return false;
    this.counters.guard_media_tried++;
    return true;
  }

  private judgeStun(data: Buffer, from: string): Verdict {
    const kind = stunClass(data);
    const check =
      kind === 'request'
        ? readConnectivityCheck(data, (name) => this.options.passwordOf(name))
        : undefined;
    if (check) {
      this.validate(from);
      return check.nominates ? 'nomination' : 'stun';
    }
    // werift checks the MESSAGE-INTEGRITY of responses to its own requests.
    if (kind === 'response' && this.options.isPending(stunTransactionId(data))) {
      // ICE-lite clients make no checks: their address is proven by their answers.
      if (isAuthenticResponse(data, this.options.remotePassword())) this.validate(from);
      return 'stun';
    }
    return this.refuse('guard_stun_unauthenticated');
  }

  private validate(from: string): void {
    this.validated.delete(from);
    this.validated.add(from);
    if (this.validated.size > MAX_VALIDATED) {
      this.validated.delete(this.validated.values().next().value as string);
    }
  }

  /** Looks at every record of the datagram (RFC 6347, 4.1); one bad record refuses it all. */
  private allowsDtls(data: Buffer, now: Micros): boolean {
    const records = recordsOf(data);
    return (
      records?.every(({ type, epoch, payload }) => {
        if (type < DTLS_CHANGE_CIPHER_SPEC || type > DTLS_APPLICATION_DATA) return false;
        return epoch > 0 || this.allowsPlaintext(type, payload[0], now);
      }) ?? false
    );
  }

  private allowsPlaintext(type: number, message: number | undefined, now: Micros): boolean {
    // Anyone who can fake an address can send a plaintext alert. The ICE and media watchdogs notice
    // a peer that is really gone.
    if (type === DTLS_ALERT || type === DTLS_APPLICATION_DATA) return false;
    if (this.handshakeDoneAt === undefined) return true;
    if (now - this.handshakeDoneAt > HANDSHAKE_GRACE) return false;
    return type !== DTLS_HANDSHAKE || message !== CLIENT_HELLO;
  }

  private refuse(counter: keyof GuardCounters): Verdict {
    this.counters[counter]++;
    return 'drop';
  }
}

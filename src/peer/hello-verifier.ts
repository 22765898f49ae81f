/**
 * The cookie exchange of DTLS (RFC 6347, 4.2.1) in front of werift. werift lets every ClientHello change
 * the running handshake, and a malformed one end it. Here a client passes once, after it has read our
 * answer. Browsers with post-quantum key shares send their hello in two datagrams: the answer needs the
 * first part alone, and only the second hello, with the cookie, is put together. Pure.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type HelloStart, isUsableHello, readHelloStart } from './client-hello.js';
import {
  type HandshakeFragment,
  type HandshakeMessage,
  HELLO_VERIFY_REQUEST,
  handshakeRecord,
} from './dtls-records.js';
import { HandshakeReassembler } from './handshake-reassembler.js';

const COOKIE_BYTES = 20;
/** Addresses whose parts of hellos are kept. The oldest is forgotten. */
const MAX_ADDRESSES = 4;
/** Versions of the accepted hello. */
const MAX_VERSIONS = 4;

export type HelloVerdict =
  /** A part of a hello that is not whole yet. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'refuse' }
  /** `reply` goes back to the client. */
  | { readonly kind: 'verify'; readonly reply: Buffer }
  /** The client has read our answer. */
  | { readonly kind: 'accept'; readonly hello: HandshakeMessage; readonly start: HelloStart }
  /** The accepted hello again: the client did not get our answer to it. */
  | { readonly kind: 'repeat' };

export class HelloVerifier {
  /**
   * The accepted hello, and others with the same cookie and random in which a later part differs: one of
   * them is true, and the client's signature says which.
   */
  readonly versions: HandshakeMessage[] = [];
  /**
   * One for all addresses of the client: ICE may choose another pair between its two hellos. Addresses
   * are checked before, and nobody who forges one reads our answer.
   */
  private readonly cookie = randomBytes(COOKIE_BYTES);
  private readonly parts = new Map<string, HandshakeReassembler>();

  /** @param from the address that the datagram came from. */
  judge(fragment: HandshakeFragment, from: string): HelloVerdict {
    if (fragment.offset === 0) {
      const start = readHelloStart(fragment.bytes);
      const early = start && this.judgeStart(start);
      if (early) return early;
    }
    const wholes = this.partsOf(from).add(fragment);
    const verdicts = wholes.map((whole) => this.judgeWhole(whole, fragment.offset === 0));
    return (
      verdicts.find(({ kind }) => kind === 'accept') ??
      verdicts.find(({ kind }) => kind === 'repeat') ??
      verdicts[0] ?? { kind: 'wait' }
    );
  }

  /** What can be said before the hello is whole. */
  private judgeStart({ cookie }: HelloStart): HelloVerdict | undefined {
    if (cookie.length === 0) {
      // After acceptance it is a late repetition of the first hello.
      if (this.versions.length > 0) return { kind: 'wait' };
      return { kind: 'verify', reply: helloVerifyRequest(this.cookie) };
    }
    return this.isOurs(cookie) ? undefined : { kind: 'refuse' };
  }

  private judgeWhole(hello: HandshakeMessage, isFirstPart: boolean): HelloVerdict {
    const start = readHelloStart(hello.body);
    const isValid = start && this.isOurs(start.cookie) && isUsableHello(hello.body);
    if (!isValid) return (start && this.judgeStart(start)) ?? { kind: 'refuse' };
    const [accepted] = this.versions;
    if (!accepted) {
      this.versions.push(hello);
      return { kind: 'accept', hello, start };
    }
    if (hello.message !== accepted.message) return { kind: 'refuse' };
    // The repetition of a hello in several parts is answered once.
    if (hello.body.equals(accepted.body)) return { kind: isFirstPart ? 'repeat' : 'wait' };
    if (!readHelloStart(accepted.body)?.random.equals(start.random)) return { kind: 'refuse' };
    if (!this.versions.some(({ body }) => body.equals(hello.body))) {
      if (this.versions.length >= MAX_VERSIONS) this.versions.splice(1, 1);
      this.versions.push(hello);
    }
    return { kind: 'wait' };
  }

  private partsOf(from: string): HandshakeReassembler {
    const parts = this.parts.get(from) ?? new HandshakeReassembler();
    this.parts.delete(from);
    this.parts.set(from, parts);
    if (this.parts.size > MAX_ADDRESSES)
      this.parts.delete(this.parts.keys().next().value as string);
    return parts;
  }

  private isOurs(cookie: Buffer): boolean {
    return cookie.length === COOKIE_BYTES && timingSafeEqual(cookie, this.cookie);
  }
}

/** Has record sequence number 0, whatever the hello has: a forged hello must not move the client's window. */
function helloVerifyRequest(cookie: Buffer): Buffer {
  const version = Buffer.from([0xfe, 0xfd, cookie.length]);
  return handshakeRecord({
    type: HELLO_VERIFY_REQUEST,
    message: 0,
    body: Buffer.concat([version, cookie]),
  });
}

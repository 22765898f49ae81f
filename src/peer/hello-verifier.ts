/**
 * The stateless cookie exchange of DTLS (RFC 6347, 4.2.1) in front of werift. werift lets every
 * ClientHello change the running handshake, and a malformed one end it. Here a client passes once,
 * after it has read our answer at its address. Pure.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const RECORD_HEADER = 13;
const HANDSHAKE_HEADER = 12;
const RANDOM_AT = RECORD_HEADER + HANDSHAKE_HEADER + 2;
const SESSION_ID_AT = RANDOM_AT + 32;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const HELLO_VERIFY_REQUEST = 3;
const COOKIE_BYTES = 20;

export type HelloVerdict =
  /** Not a ClientHello, or the accepted one again. */
  | { readonly kind: 'pass' }
  | { readonly kind: 'refuse' }
  /** `reply` goes back to the client. */
  | { readonly kind: 'verify'; readonly reply: Buffer }
  /** The client proved its address. `first` is its hello without the cookie. */
  | {
      readonly kind: 'accept';
      readonly first: Buffer;
      readonly cookie: Buffer;
      /** Low 32 bits of the record's sequence number; our next record must not have a lower one. */
      readonly recordSequence: number;
    };

/** Whether a datagram has a ClientHello in one of its records (epoch 0). */
export function isClientHello(data: Buffer, at = 0): boolean {
  return data[at] === HANDSHAKE && data[at + RECORD_HEADER] === CLIENT_HELLO;
}

export class HelloVerifier {
  private readonly secret = randomBytes(32);
  private accepted: Buffer | undefined;

  /** @param from the address that the datagram came from. */
  judge(data: Buffer, from: string): HelloVerdict {
    if (!isClientHello(data)) return { kind: 'pass' };
    const length = data.readUInt16BE(11);
    // The datagram must be one hello and nothing else.
    if (data.length !== RECORD_HEADER + length) return { kind: 'refuse' };
    const message = data.readUIntBE(RECORD_HEADER + 1, 3);
    const isWhole =
      data.readUIntBE(RECORD_HEADER + 6, 3) === 0 &&
      data.readUIntBE(RECORD_HEADER + 9, 3) === message &&
      message + HANDSHAKE_HEADER === length;
    // A hello in fragments cannot be judged from one fragment.
    if (!isWhole) return { kind: this.accepted ? 'refuse' : 'pass' };
    const cookieAt = SESSION_ID_AT + 1 + (data[SESSION_ID_AT] ?? 0);
    const cookieLength = data[cookieAt];
    if (cookieLength === undefined || cookieAt + 1 + cookieLength > data.length) {
      return { kind: 'refuse' };
    }
    const random = data.subarray(RANDOM_AT, SESSION_ID_AT);
    if (this.accepted) return { kind: random.equals(this.accepted) ? 'pass' : 'refuse' };
    const cookie = this.cookieFor(from);
    if (cookieLength === 0) return { kind: 'verify', reply: helloVerifyRequest(cookie) };
    const given = data.subarray(cookieAt + 1, cookieAt + 1 + cookieLength);
    if (cookieLength !== COOKIE_BYTES || !timingSafeEqual(given, cookie)) return { kind: 'refuse' };
    this.accepted = Buffer.from(random);
    const recordSequence = data.readUInt32BE(7);
    return { kind: 'accept', first: withoutCookie(data, cookieAt), cookie, recordSequence };
  }

  /** The same for every hello of an address: the answer to a forged one serves the real client too. */
  private cookieFor(from: string): Buffer {
    return createHmac('sha256', this.secret).update(from).digest().subarray(0, COOKIE_BYTES);
  }
}

/** Has record sequence number 0, whatever the hello has: a forged hello must not move the client's window. */
function helloVerifyRequest(cookie: Buffer): Buffer {
  const body = 3 + cookie.length;
  const out = Buffer.alloc(RECORD_HEADER + HANDSHAKE_HEADER + body);
  out[0] = HANDSHAKE;
  out.writeUInt16BE(0xfefd, 1);
  out.writeUInt16BE(HANDSHAKE_HEADER + body, 11);
  out[RECORD_HEADER] = HELLO_VERIFY_REQUEST;
  out.writeUIntBE(body, RECORD_HEADER + 1, 3);
  out.writeUIntBE(body, RECORD_HEADER + 9, 3);
  out.writeUInt16BE(0xfefd, RECORD_HEADER + HANDSHAKE_HEADER);
  out[RECORD_HEADER + HANDSHAKE_HEADER + 2] = cookie.length;
  cookie.copy(out, RECORD_HEADER + HANDSHAKE_HEADER + 3);
  return out;
}

/** The hello as the client sent it first. */
function withoutCookie(hello: Buffer, cookieAt: number): Buffer {
  const cookieLength = hello[cookieAt] as number;
  const out = Buffer.concat([
    hello.subarray(0, cookieAt),
    Buffer.from([0]),
    hello.subarray(cookieAt + 1 + cookieLength),
  ]);
  const body = out.length - RECORD_HEADER - HANDSHAKE_HEADER;
  out.writeUInt16BE(HANDSHAKE_HEADER + body, 11);
  out.writeUIntBE(body, RECORD_HEADER + 1, 3);
  out.writeUInt16BE(0, RECORD_HEADER + 4);
  out.writeUIntBE(body, RECORD_HEADER + 9, 3);
  return out;
}

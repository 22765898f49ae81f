/** DTLS 1.2 records (RFC 6347) before anything is encrypted. */
import type { Random } from './random.js';

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const HELLO_VERIFY_REQUEST = 3;
const CIPHER_SUITES = [0xc02b, 0xc02f, 0xc009, 0x00ff];
/** Messages of a client's second flight, and others. */
const MESSAGES = [0, 1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 20, 22, 255];

function u16(value: number): Buffer {
  return Buffer.from([(value >> 8) & 0xff, value & 0xff]);
}

function vector(lengthBytes: 1 | 2, body: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(body.length % 256 ** lengthBytes, 0, lengthBytes);
  return Buffer.concat([length, body]);
}

export function record(type: number, sequence: number, body: Buffer, epoch = 0): Buffer {
  const head = Buffer.alloc(13);
  head[0] = type;
  head.writeUInt16BE(0xfefd, 1);
  head.writeUInt16BE(epoch, 3);
  head.writeUInt32BE(sequence >>> 0, 7);
  head.writeUInt16BE(body.length & 0xffff, 11);
  return Buffer.concat([head, body]);
}

export function handshake(type: number, sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head[0] = type;
  head.writeUIntBE(body.length & 0xff_ffff, 1, 3);
  head.writeUInt16BE(sequence & 0xffff, 4);
  head.writeUIntBE(body.length & 0xff_ffff, 9, 3);
  return Buffer.concat([head, body]);
}

function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([u16(type), vector(2, body)]);
}

/** A whole ClientHello. @param cookie from the server's HelloVerifyRequest. */
export function clientHello(
  clientRandom: Buffer,
  sequence: number,
  cookie: Buffer = Buffer.alloc(0),
): Buffer {
  const extensions = Buffer.concat([
    extension(0x000a, vector(2, Buffer.concat([u16(0x0017), u16(0x001d)]))),
    extension(0x000b, vector(1, Buffer.from([0]))),
    extension(0x000d, vector(2, Buffer.concat([u16(0x0403), u16(0x0401)]))),
    extension(
      0x000e,
      Buffer.concat([vector(2, Buffer.concat([u16(7), u16(1)])), Buffer.from([0])]),
    ),
    extension(0x0017, Buffer.alloc(0)),
    extension(0xff01, Buffer.from([0])),
  ]);
  const body = Buffer.concat([
    u16(0xfefd),
    clientRandom,
    vector(1, Buffer.alloc(0)),
    vector(1, cookie),
    vector(2, Buffer.concat(CIPHER_SUITES.map(u16))),
    vector(1, Buffer.from([0])),
    vector(2, extensions),
  ]);
  const messageSequence = cookie.length > 0 ? 1 : 0;
  return record(HANDSHAKE, sequence, handshake(CLIENT_HELLO, messageSequence, body));
}

/** The cookie of a HelloVerifyRequest; undefined of other datagrams. */
export function cookieOf(datagram: Buffer): Buffer | undefined {
  if (datagram[0] !== HANDSHAKE || datagram[13] !== HELLO_VERIFY_REQUEST) return undefined;
  return datagram.subarray(28, 28 + (datagram[27] ?? 0));
}

/** A record of any kind, with content that has the form of one, or none. */
export function oddRecord(random: Random): Buffer {
  const sequence = random.pick([0, 1, 2, 3, 2 ** 32 - 1, random.int(1000)]);
  const body = random.bytes(random.length(400));
  switch (random.int(6)) {
    case 0:
      return record(21, sequence, Buffer.from([1 + random.int(2), random.int(120)]));
    case 1:
      return record(20, sequence, Buffer.from([1]));
    case 2:
      return record(23, sequence, body, random.int(3));
    case 3:
      return record(random.pick([19, 24, 25, 63]), sequence, body);
    case 4: {
      const parts = Array.from({ length: 1 + random.int(4) }, () =>
        handshake(random.pick(MESSAGES), random.int(6), random.bytes(random.length(100))),
      );
      return record(HANDSHAKE, sequence, Buffer.concat(parts));
    }
    default:
      return record(HANDSHAKE, sequence, handshake(random.pick(MESSAGES), random.int(6), body));
  }
}

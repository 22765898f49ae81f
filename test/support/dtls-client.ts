/** A DTLS client's handshake messages, and the ways a network can treat their parts. */
import { createSign, randomBytes } from 'node:crypto';
import {
  CERTIFICATE,
  CERTIFICATE_VERIFY,
  CLIENT_HELLO,
  CLIENT_KEY_EXCHANGE,
  type HandshakeFragment,
  type HandshakeMessage,
  wholeMessage,
} from '../../src/peer/dtls-records.js';

const u16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const sized = (data: Buffer) => Buffer.concat([u16(data.length), data]);
const extension = (type: number, data: Buffer) => Buffer.concat([u16(type), sized(data)]);

/** A hello as browsers send it: `shareBytes` is the size of the key share that makes it long. */
export function clientHello(random: Buffer, cookie: Buffer, shareBytes = 1200): Buffer {
  const extensions = Buffer.concat([
    extension(10, sized(Buffer.concat([u16(0x11ec), u16(29), u16(23)]))),
    extension(13, sized(Buffer.concat([u16(0x0403), u16(0x0401)]))),
    extension(14, Buffer.concat([sized(Buffer.concat([u16(7), u16(1)])), Buffer.from([0])])),
    extension(23, Buffer.alloc(0)),
    extension(51, Buffer.alloc(shareBytes, random[0])),
  ]);
  return Buffer.concat([
    Buffer.from([0xfe, 0xfd]),
    random,
    Buffer.from([0, cookie.length]),
    cookie,
    sized(Buffer.concat([u16(0xc02b), u16(0xc02f)])),
    Buffer.from([1, 0]),
    sized(extensions),
  ]);
}

/** A message in parts that end at the given offsets. */
export function cut(
  { type, message, body }: HandshakeMessage,
  ...at: number[]
): HandshakeFragment[] {
  const ends = [...at, body.length];
  return ends.map((end, index) => {
    const offset = ends[index - 1] ?? 0;
    return { type, message, length: body.length, offset, bytes: body.subarray(offset, end) };
  });
}

export const hello = (cookie: Buffer, message: number, random = randomBytes(32)) => ({
  type: CLIENT_HELLO,
  message,
  body: clientHello(random, cookie),
});

/** A part with other content. */
export function forged(fragment: HandshakeFragment): HandshakeFragment {
  return { ...fragment, bytes: Buffer.from(fragment.bytes.map((byte) => byte ^ 0x55)) };
}

export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  );
}

/** Every choice of the items, that of none included, in their order. */
export function subsets<T>(items: readonly T[]): T[][] {
  return Array.from({ length: 2 ** items.length }, (_, choice) =>
    items.filter((_item, index) => (choice >> index) & 1),
  );
}

/** An item that must be there. */
export function nth<T>(items: readonly T[] | undefined, index: number): T {
  const item = items?.at(index);
  if (item === undefined) throw new Error(`there is no item ${index}`);
  return item;
}

export interface TestCertificate {
  readonly keyPem: string;
  readonly der: Buffer;
  /** Number of the algorithm: 1 is RSA, 3 is ECDSA. */
  readonly signature: 1 | 3;
}

/** The flight with which a client proves that it owns its certificate. */
export function clientFlight(
  hello: HandshakeMessage,
  own: Buffer,
  { keyPem, der, signature: algorithm }: TestCertificate,
): HandshakeMessage[] {
  const u24 = (value: number) => Buffer.from([value >> 16, (value >> 8) & 255, value & 255]);
  const certificate = {
    type: CERTIFICATE,
    message: hello.message + 1,
    body: Buffer.concat([u24(der.length + 3), u24(der.length), der]),
  };
  const exchange = {
    type: CLIENT_KEY_EXCHANGE,
    message: hello.message + 2,
    body: Buffer.concat([Buffer.from([65]), randomBytes(65)]),
  };
  const signature = createSign('sha256')
    .update(wholeMessage(hello))
    .update(own)
    .update(wholeMessage(certificate))
    .update(wholeMessage(exchange))
    .sign(keyPem);
  const proof = {
    type: CERTIFICATE_VERIFY,
    message: hello.message + 3,
    body: Buffer.concat([Buffer.from([4, algorithm]), sized(signature)]),
  };
  return [certificate, exchange, proof];
}

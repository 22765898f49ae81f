/** Reads ClientHellos (RFC 5246, 7.4.1.2; RFC 6347, 4.2.1), strictly: werift ends the handshake on a bad one. */
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80 } from './srtp-keys.js';

const RANDOM_AT = 2;
const RANDOM_BYTES = 32;
const SESSION_ID_AT = RANDOM_AT + RANDOM_BYTES;
const MAX_SESSION_ID_BYTES = 32;

/** The one cipher suite that we choose: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256. */
const CIPHER_SUITE = 0xc02b;
const CURVES: readonly number[] = [29, 23];
const ECDSA_WITH_SHA256 = 0x0403;
const SRTP_PROFILES: readonly number[] = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80];
const SUPPORTED_GROUPS = 10;
const SIGNATURE_ALGORITHMS = 13;
const USE_SRTP = 14;

export interface HelloStart {
  readonly random: Buffer;
  readonly cookie: Buffer;
  /** Where the length of the cookie is in the message. */
  readonly cookieAt: number;
}

/** @returns random and cookie of a hello, or of its first part; undefined if the part ends before. */
export function readHelloStart(body: Buffer): HelloStart | undefined {
  const sessionIdBytes = body[SESSION_ID_AT];
  if (sessionIdBytes === undefined) return undefined;
  const cookieAt = SESSION_ID_AT + 1 + sessionIdBytes;
  const cookieBytes = body[cookieAt];
  if (cookieBytes === undefined || cookieAt + 1 + cookieBytes > body.length) return undefined;
  return {
    random: body.subarray(RANDOM_AT, SESSION_ID_AT),
    cookie: body.subarray(cookieAt + 1, cookieAt + 1 + cookieBytes),
    cookieAt,
  };
}

/** The hello as the client sent it first. */
export function withoutCookie(body: Buffer, { cookie, cookieAt }: HelloStart): Buffer {
  return Buffer.concat([
    body.subarray(0, cookieAt),
    Buffer.from([0]),
    body.subarray(cookieAt + 1 + cookie.length),
  ]);
}

/** A list of 16-bit numbers that is preceded by its length in bytes; undefined if that does not fit. */
function numbersOf(data: Buffer, at = 0): { numbers: number[]; end: number } | undefined {
  if (at + 2 > data.length) return undefined;
  const end = at + 2 + data.readUInt16BE(at);
  if (end > data.length || (end - at) % 2 !== 0) return undefined;
  const numbers: number[] = [];
  for (let next = at + 2; next < end; next += 2) numbers.push(data.readUInt16BE(next));
  return { numbers, end };
}

function extensionsOf(body: Buffer, at: number): Map<number, Buffer> | undefined {
  if (at + 2 > body.length || at + 2 + body.readUInt16BE(at) !== body.length) return undefined;
  const extensions = new Map<number, Buffer>();
  for (let next = at + 2; next < body.length; ) {
    if (next + 4 > body.length) return undefined;
    const end = next + 4 + body.readUInt16BE(next + 2);
    if (end > body.length) return undefined;
    extensions.set(body.readUInt16BE(next), body.subarray(next + 4, end));
    next = end;
  }
  return extensions;
}

/** Whether a whole hello is well formed and offers what the handshake needs. */
export function isUsableHello(body: Buffer): boolean {
  const start = readHelloStart(body);
  if (!start || (body[SESSION_ID_AT] as number) > MAX_SESSION_ID_BYTES) return false;
  const suites = numbersOf(body, start.cookieAt + 1 + start.cookie.length);
  if (!suites?.numbers.includes(CIPHER_SUITE)) return false;
  const compressionBytes = body[suites.end];
  if (!compressionBytes) return false;
  const extensions = extensionsOf(body, suites.end + 1 + compressionBytes);
  const offers = (type: number, wanted: readonly number[]) => {
    const data = extensions?.get(type);
    return data && numbersOf(data)?.numbers.some((number) => wanted.includes(number));
  };
  return Boolean(
    offers(SUPPORTED_GROUPS, CURVES) &&
      offers(SIGNATURE_ALGORITHMS, [ECDSA_WITH_SHA256]) &&
      offers(USE_SRTP, SRTP_PROFILES),
  );
}

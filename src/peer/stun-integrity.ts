import { createHmac, timingSafeEqual } from 'node:crypto';

const MAGIC_COOKIE = 0x2112_a442;
const ATTRIBUTE_USERNAME = 0x0006;
const ATTRIBUTE_MESSAGE_INTEGRITY = 0x0008;
const ATTRIBUTE_USE_CANDIDATE = 0x0025;
const INTEGRITY_LENGTH = 20;

export type StunClass = 'request' | 'indication' | 'response';

/** The class of a STUN message (RFC 8489, section 5), or undefined if the datagram is not STUN. */
export function stunClass(data: Buffer): StunClass | undefined {
  if (data.length < 20 || (data[0] as number) > 3) return undefined;
  if (data.readUInt32BE(4) !== MAGIC_COOKIE) return undefined;
  const bits = data.readUInt16BE(0) & 0x0110;
  return bits === 0 ? 'request' : bits === 0x0010 ? 'indication' : 'response';
}

/** The transaction id as lower-case hex, as werift keys its transactions. */
export function stunTransactionId(data: Buffer): string {
  return data.toString('hex', 8, 20);
}

/** The content of an authentic connectivity check. */
export interface ConnectivityCheck {
  /** The client has chosen this pair (USE-CANDIDATE; RFC 8445, 7.1.2). */
  readonly nominates: boolean;
}

/**
 * Reads a connectivity check. Undefined unless it is authentic: USERNAME names one of our username
 * fragments, and MESSAGE-INTEGRITY fits its password (RFC 8445, 7.3; RFC 8489, 14.5).
 * @param passwordOf the password of one of our username fragments.
 */
export function readConnectivityCheck(
  data: Buffer,
  passwordOf: (fragment: string) => string | undefined,
): ConnectivityCheck | undefined {
  const end = Math.min(data.length, 20 + data.readUInt16BE(2));
  let username: string | undefined;
  let nominates = false;
  for (let at = 20; at + 4 <= end; ) {
    const type = data.readUInt16BE(at);
    const length = data.readUInt16BE(at + 2);
    if (at + 4 + length > end) return undefined;
    if (type === ATTRIBUTE_USERNAME) username = data.toString('utf8', at + 4, at + 4 + length);
    // MESSAGE-INTEGRITY covers only what comes before it.
    if (type === ATTRIBUTE_USE_CANDIDATE) nominates = true;
    if (type === ATTRIBUTE_MESSAGE_INTEGRITY) {
      if (username === undefined) return undefined;
      const password = passwordOf(username.split(':')[0] as string);
      if (password === undefined || !isAuthentic(data, at, length, password)) return undefined;
      return { nominates };
    }
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return undefined;
}

/** Whether a response has a MESSAGE-INTEGRITY that fits the password. */
export function isAuthenticResponse(data: Buffer, password: string): boolean {
  const end = Math.min(data.length, 20 + data.readUInt16BE(2));
  for (let at = 20; at + 4 <= end; ) {
    const length = data.readUInt16BE(at + 2);
    if (at + 4 + length > end) return false;
    if (data.readUInt16BE(at) === ATTRIBUTE_MESSAGE_INTEGRITY) {
      return isAuthentic(data, at, length, password);
    }
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return false;
}

/** @param at where MESSAGE-INTEGRITY is; `length` of its value. */
function isAuthentic(data: Buffer, at: number, length: number, password: string): boolean {
  if (length !== INTEGRITY_LENGTH) return false;
  // For the HMAC, the length field ends with MESSAGE-INTEGRITY.
  const head = Buffer.from(data.subarray(0, 20));
  head.writeUInt16BE(at + 4 + INTEGRITY_LENGTH - 20, 2);
  const mac = createHmac('sha1', password).update(head).update(data.subarray(20, at)).digest();
  return timingSafeEqual(mac, data.subarray(at + 4, at + 4 + INTEGRITY_LENGTH));
}

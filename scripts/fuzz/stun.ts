/** STUN messages as ICE makes them (RFC 8489), with attributes that need not be right. */
import { createHmac } from 'node:crypto';
import type { Random } from './random.js';

const MAGIC_COOKIE = 0x2112_a442;
const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const PRIORITY = 0x0024;
const USE_CANDIDATE = 0x0025;
const FINGERPRINT = 0x8028;
const ICE_CONTROLLING = 0x802a;
/** Types that readers know, and some that they do not. */
const TYPES = [
  0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x0020, 0x0024, 0x0025, 0x8022, 0x8028,
  0x8029, 0x802a, 0x7fff, 0xffff,
];

export interface StunCredentials {
  /** Of the server, then of the client. */
  readonly username: string;
  /** Of the server. */
  readonly password: string;
}

type Attribute = readonly [type: number, value: Buffer];

function attributeBytes([type, value]: Attribute): Buffer {
  const out = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  out.writeUInt16BE(type, 0);
  out.writeUInt16BE(value.length, 2);
  value.copy(out, 4);
  return out;
}

function header(type: number, length: number, transaction: Buffer): Buffer {
  const out = Buffer.alloc(20);
  out.writeUInt16BE(type, 0);
  out.writeUInt16BE(length, 2);
  out.writeUInt32BE(MAGIC_COOKIE, 4);
  transaction.copy(out, 8, 0, 12);
  return out;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

function crc32(bytes: Buffer): number {
  let value = 0xffff_ffff;
  for (const byte of bytes) value = (CRC_TABLE[(value ^ byte) & 0xff] as number) ^ (value >>> 8);
  return (value ^ 0xffff_ffff) >>> 0;
}

/** A message with MESSAGE-INTEGRITY and FINGERPRINT that fit what is before them. */
function seal(type: number, body: Buffer, transaction: Buffer, password: string): Buffer {
  const head = header(type, body.length + 24, transaction);
  const mac = createHmac('sha1', password).update(head).update(body).digest();
  const signed = Buffer.concat([body, attributeBytes([MESSAGE_INTEGRITY, mac])]);
  const whole = Buffer.concat([header(type, signed.length + 8, transaction), signed]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE((crc32(whole) ^ 0x5354_554e) >>> 0, 0);
  return Buffer.concat([whole, attributeBytes([FINGERPRINT, check])]);
}

/** A connectivity check as a client makes it. @param nominates chooses the pair. */
export function bindingRequest(
  random: Random,
  { username, password }: StunCredentials,
  nominates: boolean,
  odd: readonly Buffer[] = [],
): Buffer {
  const attributes: Attribute[] = [
    [USERNAME, Buffer.from(username)],
    [PRIORITY, Buffer.from([0x6e, 0, 1, 0xff])],
    [ICE_CONTROLLING, random.bytes(8)],
    ...(nominates ? ([[USE_CANDIDATE, Buffer.alloc(0)]] as const) : []),
  ];
  const body = Buffer.concat([...attributes.map(attributeBytes), ...odd]);
  return seal(0x0001, body, random.bytes(12), password);
}

/** The same with odd attributes, of another class or method, all of it authentic. */
export function oddRequest(random: Random, credentials: StunCredentials): Buffer {
  const odd = Array.from({ length: random.int(4) }, () => {
    const value = random.bytes(random.pick([0, 1, 3, 4, 8, 20, random.length(600)]));
    return attributeBytes([random.pick(TYPES), value]);
  });
  if (random.chance(0.6)) return bindingRequest(random, credentials, random.chance(0.2), odd);
  const type = random.pick([0x0001, 0x0011, 0x0101, 0x0111, 0x0003, 0x0004, 0x3fff]);
  const user = attributeBytes([USERNAME, Buffer.from(credentials.username)]);
  const body = Buffer.concat([user, ...odd]);
  return seal(type, body, random.bytes(12), credentials.password);
}

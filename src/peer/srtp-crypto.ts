import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { type SessionKeys, SRTP_AEAD_AES_128_GCM } from './srtp-keys.js';

const GCM_TAG = 16;
const HMAC_TAG = 10;
/** Overwritten for each packet; ciphers take a copy. */
const GCM_IV = Buffer.alloc(12);
const COUNTER_IV = Buffer.alloc(16);

/**
 * A packet's IV under the salt: the SSRC, then the packet index in 6 bytes (31 bits for SRTCP).
 * GCM's has 12 bytes (RFC 7714, 8.1 and 9.1), counter mode's 16 (RFC 3711, 4.1.1).
 */
function packetIv(keys: SessionKeys, ssrc: number, indexHigh: number, indexLow: number): Buffer {
  const gcm = keys.profile === SRTP_AEAD_AES_128_GCM;
  const iv = gcm ? GCM_IV : COUNTER_IV;
  const at = gcm ? 2 : 4;
  iv[0] = iv[1] = 0;
  if (!gcm) iv[2] = iv[3] = 0;
  iv.writeUInt32BE(ssrc, at);
  iv.writeUInt32BE(indexHigh >>> 0, at + 4);
  iv.writeUInt16BE(indexLow & 0xffff, at + 8);
  for (let i = 0; i < at + 10; i++) iv[i] = (iv[i] as number) ^ (keys.salt[i] as number);
  return iv;
}

function hmac(keys: SessionKeys, parts: readonly Buffer[]): Buffer {
  const mac = createHmac('sha1', keys.authKey);
  for (const part of parts) mac.update(part);
  return mac.digest().subarray(0, HMAC_TAG);
}

function word(value: number): Buffer {
  const out = Buffer.allocUnsafe(4);
  out.writeUInt32BE(value >>> 0, 0);
  return out;
}

/**
 * Protects an RTP packet of index `roc * 65536 + sequence`, in its own memory.
 * @param packet header and payload; its memory needs SRTP_TRAILER_BYTES more than `length`.
 * @param length of header and payload.
 * @returns the protected packet, a view into `packet`.
 */
export function protectRtp(
  keys: SessionKeys,
  packet: Buffer,
  length: number,
  headerLength: number,
  ssrc: number,
  roc: number,
  sequence: number,
): Buffer {
  const payload = packet.subarray(headerLength, length);
  const iv = packetIv(keys, ssrc, roc, sequence);
  if (keys.profile === SRTP_AEAD_AES_128_GCM) {
    const cipher = createCipheriv('aes-128-gcm', keys.cipherKey, iv);
    cipher.setAAD(packet.subarray(0, headerLength));
    cipher.update(payload).copy(packet, headerLength);
    cipher.final();
    cipher.getAuthTag().copy(packet, length);
    return packet.subarray(0, length + GCM_TAG);
  }
  createCipheriv('aes-128-ctr', keys.cipherKey, iv).update(payload).copy(packet, headerLength);
  hmac(keys, [packet.subarray(0, length), word(roc)]).copy(packet, length);
  return packet.subarray(0, length + HMAC_TAG);
}

/** The RTP packet in the memory of the protected one, or undefined if it is not authentic. */
export function unprotectRtp(
  keys: SessionKeys,
  packet: Buffer,
  headerLength: number,
  ssrc: number,
  roc: number,
  sequence: number,
): Buffer | undefined {
  const header = packet.subarray(0, headerLength);
  if (keys.profile === SRTP_AEAD_AES_128_GCM) {
    const end = packet.length - GCM_TAG;
    if (end < headerLength) return undefined;
    const body = openGcm(
      keys,
      packetIv(keys, ssrc, roc, sequence),
      header,
      packet.subarray(headerLength, end),
      packet.subarray(end),
    );
    body?.copy(packet, headerLength);
    return body && packet.subarray(0, end);
  }
  const end = packet.length - HMAC_TAG;
  if (end < headerLength) return undefined;
  const tag = hmac(keys, [packet.subarray(0, end), word(roc)]);
  if (!timingSafeEqual(tag, packet.subarray(end))) return undefined;
  const iv = packetIv(keys, ssrc, roc, sequence);
  createDecipheriv('aes-128-ctr', keys.cipherKey, iv)
    .update(packet.subarray(headerLength, end))
    .copy(packet, headerLength);
  return packet.subarray(0, end);
}

/** Protects a compound RTCP packet (RFC 3711, 3.4; RFC 7714, 9). */
export function protectRtcp(keys: SessionKeys, packet: Buffer, index: number): Buffer {
  const ssrc = packet.readUInt32BE(4);
  const header = packet.subarray(0, 8);
  const payload = packet.subarray(8);
  const trailer = word((index | 0x8000_0000) >>> 0);
  if (keys.profile === SRTP_AEAD_AES_128_GCM) {
    const iv = packetIv(keys, ssrc, index >>> 16, index & 0xffff);
    const cipher = createCipheriv('aes-128-gcm', keys.cipherKey, iv);
    cipher.setAAD(Buffer.concat([header, trailer]));
    const body = cipher.update(payload);
    cipher.final();
    return Buffer.concat([header, body, cipher.getAuthTag(), trailer]);
  }
  const iv = packetIv(keys, ssrc, index >>> 16, index & 0xffff);
  const body = createCipheriv('aes-128-ctr', keys.cipherKey, iv).update(payload);
  return Buffer.concat([header, body, trailer, hmac(keys, [header, body, trailer])]);
}

/** Index and compound RTCP packet, or undefined if it is not authentic or not encrypted. */
export function unprotectRtcp(
  keys: SessionKeys,
  packet: Buffer,
): { index: number; packet: Buffer } | undefined {
  const gcm = keys.profile === SRTP_AEAD_AES_128_GCM;
  const trailerAt = packet.length - 4 - (gcm ? 0 : HMAC_TAG);
  const bodyEnd = gcm ? trailerAt - GCM_TAG : trailerAt;
  if (bodyEnd < 8) return undefined;
  const trailer = packet.subarray(trailerAt, trailerAt + 4);
  const flagged = trailer.readUInt32BE(0);
  if (flagged >>> 31 === 0) return undefined;
  const index = flagged & 0x7fff_ffff;
  const ssrc = packet.readUInt32BE(4);
  const header = packet.subarray(0, 8);
  const payload = packet.subarray(8, bodyEnd);
  if (gcm) {
    const iv = packetIv(keys, ssrc, index >>> 16, index & 0xffff);
    const aad = Buffer.concat([header, trailer]);
    const body = openGcm(keys, iv, aad, payload, packet.subarray(bodyEnd, trailerAt));
    return body && { index, packet: Buffer.concat([header, body]) };
  }
  const tag = hmac(keys, [packet.subarray(0, trailerAt + 4)]);
  if (!timingSafeEqual(tag, packet.subarray(trailerAt + 4))) return undefined;
  const iv = packetIv(keys, ssrc, index >>> 16, index & 0xffff);
  const body = createDecipheriv('aes-128-ctr', keys.cipherKey, iv).update(payload);
  return { index, packet: Buffer.concat([header, body]) };
}

function openGcm(
  keys: SessionKeys,
  iv: Buffer,
  aad: Buffer,
  body: Buffer,
  tag: Buffer,
): Buffer | undefined {
  const decipher = createDecipheriv('aes-128-gcm', keys.cipherKey, iv, { authTagLength: GCM_TAG });
  decipher.setAAD(aad);
  decipher.setAuthTag(tag);
  const out = decipher.update(body);
  try {
    decipher.final();
  } catch {
    // Not authentic: bad data, not a bug. The caller counts it.
    return undefined;
  }
  return out;
}

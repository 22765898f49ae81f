import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';

/** DTLS-SRTP protection profiles (RFC 5764, 4.1.2; RFC 7714, 14.2), by their registered numbers. */
export const SRTP_AEAD_AES_128_GCM = 0x0007;
export const SRTP_AES128_CM_HMAC_SHA1_80 = 0x0001;
export type SrtpProfile = typeof SRTP_AEAD_AES_128_GCM | typeof SRTP_AES128_CM_HMAC_SHA1_80;

/** Bytes of master key and master salt that the DTLS exporter must give. */
export function masterLengths(profile: SrtpProfile): { key: number; salt: number } {
  return { key: 16, salt: profile === SRTP_AEAD_AES_128_GCM ? 12 : 14 };
}

export interface SessionKeys {
  readonly profile: SrtpProfile;
  readonly cipherKey: KeyObject;
  /** 14 bytes; for GCM the last two are unused. */
  readonly salt: Buffer;
  /** HMAC-SHA1 key; empty for GCM. */
  readonly authKey: Buffer;
}

const LABELS = { rtp: [0, 1, 2], rtcp: [3, 4, 5] } as const;

/** One key of the AES-CM key derivation, with a derivation rate of zero (RFC 3711, 4.3). */
function derive(masterKey: Buffer, masterSalt: Buffer, label: number, length: number): Buffer {
  const iv = Buffer.alloc(16);
  masterSalt.copy(iv);
  iv[7] = (iv[7] as number) ^ label;
  return createCipheriv('aes-128-ctr', masterKey, iv).update(Buffer.alloc(length));
}

/** Session keys for one direction of SRTP or SRTCP. */
export function deriveSessionKeys(
  profile: SrtpProfile,
  kind: 'rtp' | 'rtcp',
  masterKey: Buffer,
  masterSalt: Buffer,
): SessionKeys {
  const [cipher, auth, salt] = LABELS[kind];
  const gcm = profile === SRTP_AEAD_AES_128_GCM;
  const sessionSalt = Buffer.alloc(14);
  derive(masterKey, masterSalt, salt, gcm ? 12 : 14).copy(sessionSalt);
  return {
    profile,
    cipherKey: createSecretKey(derive(masterKey, masterSalt, cipher, 16)),
    salt: sessionSalt,
    authKey: gcm ? Buffer.alloc(0) : derive(masterKey, masterSalt, auth, 20),
  };
}

/** STUN and TURN servers as clients get them. */
import { createHmac } from 'node:crypto';
import type { IceServersConfig } from '../config/ice.js';
import type { IceServer } from '../protocol/ice-server.js';

/**
 * The servers for one client. With a shared secret the credentials are valid for a limited time: the
 * REST API for TURN, as coturn implements it (HMAC-SHA1 of `expiry:user`).
 */
export function iceServersFor(
  { urls, username, credential, secret, secretTtlSeconds }: IceServersConfig,
  user: string,
  nowSeconds: number,
): IceServer[] {
  if (urls.length === 0) return [];
  if (secret !== '') {
    const temporary = `${nowSeconds + secretTtlSeconds}:${user}`;
    const password = createHmac('sha1', secret).update(temporary).digest('base64');
    return [{ urls: [...urls], username: temporary, credential: password }];
  }
  return [username === '' ? { urls: [...urls] } : { urls: [...urls], username, credential }];
}

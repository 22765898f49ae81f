/**
 * Which addresses a live output may connect to. A host is looked up once, all its addresses are
 * checked, and the connection goes to a checked address: a name that changes later changes nothing.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { TesseraError } from '../../errors.js';

/** Address ranges that are not on the public internet (RFC 6890 and its registries). */
const RESERVED_V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;
const GLOBAL_V6 = ['2000::', 3] as const;
const RESERVED_V6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

const reserved = new BlockList();
for (const [network, prefix] of RESERVED_V4) reserved.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of RESERVED_V6) reserved.addSubnet(network, prefix, 'ipv6');
const global6 = new BlockList();
global6.addSubnet(...GLOBAL_V6, 'ipv6');

/** Whether an IP address is on the public internet. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !reserved.check(address, 'ipv4');
  // Loopback, link-local, unique-local, multicast and mapped IPv4 addresses are outside 2000::/3.
  return isIP(address) === 6 && global6.check(address, 'ipv6') && !reserved.check(address, 'ipv6');
}

/** Gives all addresses of a name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Where a connection goes. */
export interface RemoteHost {
  /** The name in the URL, without brackets; certificates are checked against it. */
  readonly host: string;
  /** The one address that is used. */
  readonly address: string;
  readonly port: number;
}

/**
 * The host of a URL, looked up and checked.
 * @throws TesseraError `bad_destination`, `destination_forbidden`, `unreachable`.
 */
export async function checkHost(
  url: URL,
  defaultPort: number,
  allowPrivate: boolean,
  resolve: Resolve = addressesOf,
): Promise<RemoteHost> {
  if (url.username !== '' || url.password !== '') {
    throw badDestination('user and password are not taken', 'Put the stream key into the path.');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (host === '') throw badDestination('the destination has no host');
  const addresses = isIP(host) ? [host] : await resolve(host);
  const address = addresses[0];
  if (address === undefined) throw new TesseraError('unreachable', `${host} has no address`);
  if (!allowPrivate && !addresses.every(isPublicAddress)) {
    throw new TesseraError('destination_forbidden', `${host} is not on the public internet`, {
      next: 'Set live.privateDestinations to `on` if it is meant to be.',
    });
  }
  return { host, address, port: url.port === '' ? defaultPort : Number(url.port) };
}

export function badDestination(message: string, next?: string): TesseraError {
  return new TesseraError('bad_destination', message, next === undefined ? {} : { next });
}

async function addressesOf(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new TesseraError('unreachable', `${host} is not known`, { cause });
  }
}

/**
 * Where a live stream may go: URLs of few kinds, to addresses that are not this network's own, and to
 * the address that was looked at, not to what the name says a moment later.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { TesseraError } from '../../errors.js';

export type DestinationKind = 'rtmp' | 'rtmps' | 'srt';

export interface Destination {
  readonly kind: DestinationKind;
  /** As it was named; for TLS. */
  readonly host: string;
  /** The one address that will be used. */
  readonly address: string;
  readonly port: number;
  /** RTMP: application and stream key. */
  readonly path: string;
  /** SRT: checked options. */
  readonly options: Readonly<Record<string, string>>;
  /** For people: without keys and passwords. */
  readonly shown: string;
}

const PORTS: Readonly<Record<DestinationKind, number>> = { rtmp: 1935, rtmps: 443, srt: 9000 };

/** Ranges that are not for everybody (RFC 6890 and its registries). */
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

/** Whether an address belongs to the public internet. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !reserved.check(address, 'ipv4');
  // Outside 2000::/3 are loopback, link-local, unique-local, multicast, and IPv4 in disguise.
  return isIP(address) === 6 && global6.check(address, 'ipv6') && !reserved.check(address, 'ipv6');
}

function refuse(message: string, next?: string): TesseraError {
  return new TesseraError('bad_destination', message, next === undefined ? {} : { next });
}

/** What of an SRT URL's query reaches the socket, and what it must look like. */
const SRT_OPTIONS: Readonly<Record<string, RegExp>> = {
  streamid: /^[\w\-.,:=#!/@+]{1,512}$/,
  passphrase: /^[\x21-\x25\x27-\x7e]{10,79}$/,
  pbkeylen: /^(16|24|32)$/,
  /** In ms. */
  latency: /^\d{1,5}$/,
};

function srtOptions(url: URL): Record<string, string> {
  const options: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    const pattern = SRT_OPTIONS[name];
    if (name === 'mode' && value === 'caller') continue;
    if (!pattern) {
      throw refuse(
        `SRT option ${name.slice(0, 32)} is not taken`,
        `Use ${Object.keys(SRT_OPTIONS).join(', ')}.`,
      );
    }
    if (!pattern.test(value)) throw refuse(`SRT option ${name} is not valid`);
    options[name] = value;
  }
  return options;
}

/**
 * @param resolve gives all addresses of a name.
 * @throws TesseraError `bad_destination`, `destination_forbidden`, `unreachable`.
 */
export async function checkDestination(
  text: string,
  allowPrivate: boolean,
  resolve: (host: string) => Promise<readonly string[]> = addressesOf,
): Promise<Destination> {
  if (!URL.canParse(text)) throw refuse('the destination is no URL');
  const url = new URL(text);
  const kind = (['rtmp', 'rtmps', 'srt'] as const).find((one) => url.protocol === `${one}:`);
  if (!kind) {
    throw refuse(`destinations of ${url.protocol} are not taken`, 'Use rtmp:, rtmps: or srt:.');
  }
  if (url.username !== '' || url.password !== '') {
    throw refuse('user and password are not taken', 'Put the stream key into the path.');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (host === '') throw refuse('the destination has no host');
  const path = `${url.pathname}${kind === 'srt' ? '' : url.search}`.replace(/^\//, '');
  if (kind !== 'srt' && !/^[\w\-.~%/?=&:+,@]{3,1024}$/.test(path)) {
    throw refuse('the path must name an application and a stream key');
  }
  const options = kind === 'srt' ? srtOptions(url) : {};
  const addresses = isIP(host) ? [host] : await resolve(host);
  const address = addresses[0];
  if (address === undefined) throw new TesseraError('unreachable', `${host} has no address`);
  const wrong = addresses.find((one) => !isPublicAddress(one));
  if (wrong !== undefined && !allowPrivate) {
    throw new TesseraError('destination_forbidden', `${host} is not on the public internet`, {
      next: 'Set live.privateDestinations to `on` if it is meant to be.',
    });
  }
  const port = url.port === '' ? PORTS[kind] : Number(url.port);
  const application = path.split('/')[0] ?? '';
  const shown = kind === 'srt' ? `srt://${url.host}` : `${kind}://${url.host}/${application}/***`;
  return { kind, host, address, port, path, options, shown };
}

async function addressesOf(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new TesseraError('unreachable', `${host} is not known`, { cause });
  }
}

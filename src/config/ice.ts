/** Settings of ICE: the candidates that the server offers and takes, and the STUN and TURN servers. */
import { isIP } from 'node:net';
import { isLoopback } from '../util/loopback.js';
import type { LISTEN_SETTINGS } from './server.js';
import { choice, flag, list, number, type ReportFault, text, type ValuesOf } from './setting.js';

export const ICE_SETTINGS = [
  list(
    'ice.advertisedAddresses',
    [],
    'Extra addresses offered to clients, comma separated (NAT 1:1).',
  ),
  text('ice.portRange', '', 'UDP ports for media, `first-last`; empty lets the system choose.'),
  flag('ice.ipv6', 'on', 'Offer IPv6 candidates.'),
  flag(
    'ice.tcp',
    'off',
    'Offer TCP candidates too (RFC 6544), for clients in networks that block UDP.',
  ),
  choice(
    'ice.probe',
    ['auto', 'public', 'private', 'loopback'],
    'Widest kind of client address that the server sends checks to. `auto` is `loopback` on a loopback host, else `private`.',
  ),
  list('ice.urls', [], 'STUN and TURN URLs given to clients, comma separated; none by default.'),
  text('ice.username', '', 'User name for the TURN servers.'),
  text('ice.credential', '', 'Password for the TURN servers.', { secret: true }),
  text('ice.secret', '', "coturn's `static-auth-secret`: clients get time-limited credentials.", {
    secret: true,
  }),
  number(
    'ice.secretTtl',
    { unit: 'seconds', min: 60, max: 604_800, default: 86_400 },
    'Lifetime of those credentials.',
  ),
] as const;

type IceValues = ValuesOf<typeof ICE_SETTINGS>;

/** How the server gathers candidates and which ones it takes from clients. */
export interface TransportConfig {
  /** From the settings: addresses of a NAT in front of this machine. */
  readonly advertisedAddresses: readonly string[];
  /** Offered as candidates besides the addresses of the network interfaces: advertised and loopback. */
  readonly additionalAddresses: readonly string[];
  /** First and last UDP port; undefined lets the system choose. */
  readonly portRange: readonly [number, number] | undefined;
  readonly useIpv6: boolean;
  /** Listen for ICE over TCP as well (RFC 6544). */
  readonly useTcp: boolean;
  /** Which client addresses the server may send connectivity checks to. */
  readonly candidatePolicy: { readonly allowPrivate: boolean; readonly allowLoopback: boolean };
}

/** STUN and TURN servers for clients. */
export interface IceServersConfig {
  readonly urls: readonly string[];
  /** Empty: no credentials. */
  readonly username: string;
  readonly credential: string;
  /** Makes time-limited credentials in place of `username` and `credential`; empty: none. */
  readonly secret: string;
  readonly secretTtlSeconds: number;
}

export function transportConfig(
  values: IceValues & ValuesOf<typeof LISTEN_SETTINGS>,
  report: ReportFault,
): TransportConfig {
  const isLocal = isLoopback(values.host);
  const advertised = values['ice.advertisedAddresses'].filter((address) => {
    if (isIP(address) > 0) return true;
    report('ice.advertisedAddresses', `${address} is not an IP address`);
    return false;
  });
  const probe = values['ice.probe'];
  const widest = probe === 'auto' ? (isLocal ? 'loopback' : 'private') : probe;
  const useIpv6 = values['ice.ipv6'];
  const loopback = useIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
  return {
    advertisedAddresses: advertised,
    additionalAddresses: isLocal ? [...loopback, ...advertised] : advertised,
    portRange: portRangeOf(values['ice.portRange'], report),
    useIpv6,
    useTcp: values['ice.tcp'],
    candidatePolicy: {
      allowPrivate: widest === 'private' || widest === 'loopback',
      allowLoopback: widest === 'loopback',
    },
  };
}

function portRangeOf(range: string, report: ReportFault): readonly [number, number] | undefined {
  if (range === '') return undefined;
  const match = /^(\d+)-(\d+)$/.exec(range);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match && first >= 1024 && last <= 65_535 && last >= first) return [first, last];
  report('ice.portRange', `${range}: must be first-last within 1024-65535`);
  return undefined;
}

export function iceServersConfig(values: IceValues): IceServersConfig {
  return {
    urls: values['ice.urls'],
    username: values['ice.username'],
    credential: values['ice.credential'],
    secret: values['ice.secret'],
    secretTtlSeconds: values['ice.secretTtl'],
  };
}

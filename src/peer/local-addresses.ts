/**
 * In which order our addresses are offered: clients try the candidate with the highest priority first, and
 * some take no other.
 */
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';

/** Documentation addresses (RFC 5737, RFC 3849): nothing is sent, only the route is looked up. */
const ELSEWHERE = { udp4: '192.0.2.1', udp6: '2001:db8::1' } as const;
const ANY_PORT = 9;
/** Names of interfaces that lead to containers and virtual machines of this host. */
const BRIDGE = /^(docker|br-|virbr|veth|cni|flannel|cali|lxc|lxd|podman|vmnet|vboxnet|kube)/;
/** Preference of the first address (RFC 8445, 5.1.2.1), and how much less each next class has. */
const BEST_PREFERENCE = 65_535;
const CLASS_STEP = 4096;
/** For TCP 13 bits are left (RFC 6544, 4.2). */
const BEST_TCP_PREFERENCE = 8191;
const TCP_STEP = 512;

export interface AddressOrder {
  /** From the settings: how a NAT in front of this machine is reached. */
  readonly advertised: readonly string[];
  /** To which the client's request came. */
  readonly reachedAt: string | undefined;
  /** Source addresses of the default routes. */
  readonly defaults: readonly string[];
  /** Of bridges to containers and virtual machines. */
  readonly bridges: readonly string[];
}

/** 0 is tried first. */
export function addressClass(
  address: string,
  { advertised, reachedAt, defaults, bridges }: AddressOrder,
): number {
  if (address === reachedAt) return 0;
  if (advertised.includes(address)) return 1;
  if (defaults.includes(address)) return 2;
  return bridges.includes(address) ? 4 : 3;
}

/**
 * Gives candidates priorities by their addresses, and sorts them.
 * @param candidates SDP attribute values without `a=candidate:`, of one component.
 */
export function inOrder(candidates: readonly string[], order: AddressOrder): string[] {
  const ranked = candidates.map((candidate, index) => {
    const fields = candidate.split(' ');
    const priority = Number(fields[3]);
    const rank = addressClass(fields[4] ?? '', order);
    const isTcp = fields[2]?.toLowerCase() === 'tcp';
    fields[3] = String(
      isTcp ? tcpPriority(priority, rank, index) : udpPriority(priority, rank, index),
    );
    return { text: fields.join(' '), priority: Number(fields[3]) };
  });
  return ranked.toSorted((a, b) => b.priority - a.priority).map(({ text }) => text);
}

/** The type preference stays, the local preference follows from the rank. */
function udpPriority(priority: number, rank: number, index: number): number {
  const preference = BEST_PREFERENCE - rank * CLASS_STEP - index;
  return Math.floor(priority / 2 ** 24) * 2 ** 24 + preference * 2 ** 8 + (priority % 2 ** 8);
}

/** The direction preference, the upper 3 bits of the local one, stays too. */
function tcpPriority(priority: number, rank: number, index: number): number {
  const direction = Math.floor((priority % 2 ** 24) / 2 ** 21);
  const preference = direction * 2 ** 13 + BEST_TCP_PREFERENCE - rank * TCP_STEP - index;
  return Math.floor(priority / 2 ** 24) * 2 ** 24 + preference * 2 ** 8 + (priority % 2 ** 8);
}

/** Addresses of bridges now. */
export function bridgeAddresses(): string[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => BRIDGE.test(name))
    .flatMap(([, list]) => (list ?? []).map(({ address }) => address));
}

/** The source addresses of the default routes now; none without a network. */
export async function defaultAddresses(): Promise<string[]> {
  const found = await Promise.all([sourceAddress('udp4'), sourceAddress('udp6')]);
  return found.filter((address) => address !== undefined);
}

function sourceAddress(type: 'udp4' | 'udp6'): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(type);
    const done = (address: string | undefined) => {
      resolve(address);
      socket.close();
    };
    socket.once('error', () => done(undefined));
    socket.connect(ANY_PORT, ELSEWHERE[type], () => done(socket.address().address));
  });
}

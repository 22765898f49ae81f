import { BlockList, isIP } from 'node:net';

/** Which client addresses the server may send connectivity checks to. */
export interface CandidatePolicy {
  readonly allowPrivate: boolean;
  readonly allowLoopback: boolean;
}

function blockList(subnets: readonly [string, number, 'ipv4' | 'ipv6'][]): BlockList {
  const list = new BlockList();
  for (const [network, prefix, family] of subnets) list.addSubnet(network, prefix, family);
  return list;
}

const LOOPBACK = blockList([
  ['127.0.0.0', 8, 'ipv4'],
  ['::1', 128, 'ipv6'],
]);
const PRIVATE = blockList([
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['fc00::', 7, 'ipv6'],
]);
/** Never probed: this host, link-local (with cloud metadata), multicast, reserved and mapped addresses. */
const NEVER = blockList([
  ['0.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['224.0.0.0', 4, 'ipv4'],
  ['240.0.0.0', 4, 'ipv4'],
]);
/** Apart from the IPv4 list: Node's BlockList takes an IPv4 address for its mapped IPv6 one. */
const NEVER_IPV6 = blockList([
  ['::', 128, 'ipv6'],
  ['::ffff:0:0', 96, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
]);

/**
 * Whether to probe a candidate. Refusing one costs little: the client's own checks reach the server
 * and make its real address a peer-reflexive candidate. Names (mDNS) are never looked up.
 */
export function mayProbe(address: string, port: number, policy: CandidatePolicy): boolean {
  const version = isIP(address);
  if (version === 0 || port < 1024) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if ((version === 4 ? NEVER : NEVER_IPV6).check(address, family)) return false;
  if (LOOPBACK.check(address, family)) return policy.allowLoopback;
  if (PRIVATE.check(address, family)) return policy.allowPrivate;
  return true;
}

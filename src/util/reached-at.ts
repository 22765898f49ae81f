import { isIPv6 } from 'node:net';

/**
 * Our address to which a request came, as ICE candidates write it. Undefined if it came through a trusted
 * proxy: the client knows another address.
 * @param request of Fastify; its `ips` has more than one address behind a proxy that `trustProxy` names.
 */
export function reachedAt({
  ips = [],
  socket: { localAddress },
}: {
  readonly ips?: readonly string[] | undefined;
  readonly socket: { readonly localAddress?: string | undefined };
}): string | undefined {
  if (ips.length > 1 || localAddress === undefined) return undefined;
  if (!isIPv6(localAddress)) return localAddress;
  // IPv4 over an IPv6 socket is IPv4.
  return localAddress.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}

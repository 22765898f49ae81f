import { networkInterfaces } from 'node:os';

/** Base URLs under which a browser reaches the server: with a wildcard host, one for each address. */
export function serverUrls(scheme: 'http' | 'https', host: string, port: number): string[] {
  const isWildcard = host === '0.0.0.0' || host === '::';
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => isWildcard && family === 'IPv4' && !internal)
    .map(({ address }) => address);
  const hosts = addresses.length > 0 ? addresses : ['localhost'];
  return hosts.map((name) => `${scheme}://${name}:${port}`);
}

/** A certificate for HTTPS on this machine's addresses, for `tls: self-signed`. */
import { networkInterfaces } from 'node:os';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

/** Makes a new one, valid for localhost and all IPv4 addresses of this machine. */
export async function selfSignedCertificate(): Promise<Certificate> {
  const { generate } = await import('selfsigned');
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const ipv4 = addresses.filter(({ family }) => family === 'IPv4');
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'tessera.local' }], {
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          ...ipv4.map(({ address }) => ({ type: 7, ip: address }) as const),
        ],
      },
    ],
  });
  return { cert, key };
}

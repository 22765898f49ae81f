/**
 * The client's second flight (RFC 6347, 4.2.4): Certificate, ClientKeyExchange, CertificateVerify. werift
 * takes each as it comes, in any order, does not check the signature, and does not recover from a false
 * one. Here they wait until they are whole and the signature proves them, together with the hello. So a
 * forged message is left out, and only the owner of the certificate's key gets in. Whether it is the
 * certificate of the offer, werift checks. Pure.
 */
import { verify, X509Certificate } from 'node:crypto';
import {
  CERTIFICATE,
  CERTIFICATE_VERIFY,
  CLIENT_KEY_EXCHANGE,
  type HandshakeFragment,
  type HandshakeMessage,
  wholeMessage,
} from './dtls-records.js';
import { HandshakeReassembler } from './handshake-reassembler.js';

/** The order in which the messages are sent, each with the next number. */
const MESSAGES = [CERTIFICATE, CLIENT_KEY_EXCHANGE, CERTIFICATE_VERIFY] as const;
/** Versions of one message that are kept; the oldest is forgotten. */
const MAX_VERSIONS = 4;
/** Numbers of hash and signature algorithms in CertificateVerify (RFC 5246, 7.4.1.4.1). */
const HASHES: Readonly<Record<number, string>> = {
  2: 'sha1',
  4: 'sha256',
  5: 'sha384',
  6: 'sha512',
};
const SIGNATURES: Readonly<Record<number, string>> = { 1: 'rsa', 3: 'ec' };

export interface ProvenFlight {
  readonly hello: HandshakeMessage;
  /** The flight in its order. */
  readonly messages: readonly HandshakeMessage[];
}

export interface ClientFlightOptions {
  /** Number of the hello. */
  readonly helloMessage: number;
  /** Versions of the hello, see `HelloVerifier`. */
  readonly hellos: readonly HandshakeMessage[];
  /** Our messages between the hello and this flight, as they count in the signature. */
  ownFlight(): Buffer;
}

export class ClientFlight {
  private readonly parts = new HandshakeReassembler();
  private readonly versions: HandshakeMessage[][] = MESSAGES.map(() => []);
  private proven: ProvenFlight | undefined;

  constructor(private readonly options: ClientFlightOptions) {}

  get isProven(): boolean {
    return this.proven !== undefined;
  }

  /** @returns the flight when it is proven; once. */
  add(fragment: HandshakeFragment): ProvenFlight | undefined {
    const place = fragment.message - this.options.helloMessage - 1;
    if (this.proven || fragment.type !== MESSAGES[place]) return undefined;
    for (const message of this.parts.add(fragment)) {
      keep(this.versions[place] as HandshakeMessage[], message);
      this.proven ??= this.prove(place, message);
    }
    return this.proven;
  }

  /** Tries one message with all versions of the others. */
  private prove(place: number, message: HandshakeMessage): ProvenFlight | undefined {
    const [certificates = [], exchanges = [], verifies = []] = this.versions.with(place, [message]);
    if (verifies.length === 0) return undefined;
    const own = this.options.ownFlight();
    for (const hello of this.options.hellos) {
      for (const certificate of certificates) {
        for (const exchange of exchanges) {
          const parts = [hello, certificate, exchange].map(wholeMessage);
          const signed = Buffer.concat(parts.toSpliced(1, 0, own));
          const proof = verifies.find(({ body }) => isSignature(body, signed, certificate.body));
          if (proof) return { hello, messages: [certificate, exchange, proof] };
        }
      }
    }
    return undefined;
  }
}

function keep(versions: HandshakeMessage[], message: HandshakeMessage): void {
  if (versions.some(({ body }) => body.equals(message.body))) return;
  versions.push(message);
  if (versions.length > MAX_VERSIONS) versions.shift();
}

/** The first certificate of the message, as DER. */
function certificateOf(body: Buffer): Buffer | undefined {
  if (body.length < 6) return undefined;
  const end = 6 + body.readUIntBE(3, 3);
  return end > body.length ? undefined : body.subarray(6, end);
}

function isSignature(body: Buffer, signed: Buffer, certificate: Buffer): boolean {
  const hash = HASHES[body[0] ?? -1];
  if (hash === undefined || body.length < 4 || 4 + body.readUInt16BE(2) !== body.length)
    return false;
  try {
    const { publicKey } = new X509Certificate(certificateOf(certificate) as Buffer);
    if (publicKey.asymmetricKeyType !== SIGNATURES[body[1] ?? -1]) return false;
    return verify(hash, signed, publicKey, body.subarray(4));
  } catch {
    // A key that cannot be used proves nothing. The handshake times out.
    return false;
  }
}

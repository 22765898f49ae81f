import { X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import { beforeAll, describe, expect, test } from 'vitest';
import { ClientFlight } from '../../../src/peer/client-flight.js';
import type { HandshakeFragment, HandshakeMessage } from '../../../src/peer/dtls-records.js';
import { localCertificate } from '../../../src/peer/dtls-transport.js';
import {
  clientFlight,
  cut,
  forged,
  hello,
  permutations,
  subsets,
  type TestCertificate,
} from '../../support/dtls-client.js';

const OWN = Buffer.from('what the server sent');
const HELLO = hello(Buffer.alloc(20, 7), 1);
let ecdsa: TestCertificate;
let rsa: TestCertificate;
beforeAll(async () => {
  const { certPem, privateKey } = await localCertificate();
  ecdsa = { keyPem: privateKey, der: new X509Certificate(certPem).raw, signature: 3 };
  const { cert, private: keyPem } = await generate([{ name: 'commonName', value: 'client' }]);
  rsa = { keyPem, der: new X509Certificate(cert).raw, signature: 1 };
});

function stage(hellos: readonly HandshakeMessage[] = [HELLO]): ClientFlight {
  return new ClientFlight({
    helloMessage: 1,
    hellos,
    ownFlight: () => OWN,
  });
}

const addAll = (flight: ClientFlight, parts: readonly HandshakeFragment[]) =>
  parts.flatMap((part) => flight.add(part) ?? []);

describe.each(['ecdsa', 'rsa'] as const)('a client with a certificate of kind %s', (kind) => {
  const certificate = () => (kind === 'rsa' ? rsa : ecdsa);

  test('is proven by the last part, in every order, and once', () => {
    const messages = clientFlight(HELLO, OWN, certificate());
    const parts = messages.flatMap((message, index) => cut(message, ...(index === 1 ? [] : [30])));
    for (const order of permutations(parts)) {
      const flight = stage();
      expect(addAll(flight, order.slice(0, -1))).toEqual([]);
      expect(addAll(flight, order.slice(-1))).toEqual([{ hello: HELLO, messages }]);
      expect(addAll(flight, parts)).toEqual([]);
    }
  });

  test('is proven by the repetition, whatever was lost before', () => {
    const messages = clientFlight(HELLO, OWN, certificate());
    const parts = messages.flatMap((message) => cut(message));
    for (const some of subsets(parts)) {
      const flight = stage();
      expect(addAll(flight, [...some, ...parts])).toEqual([{ hello: HELLO, messages }]);
    }
  });
});

test('forged messages are left out, whenever they come', () => {
  const messages = clientFlight(HELLO, OWN, ecdsa);
  const parts = messages.flatMap((message) => cut(message));
  for (const lie of [...parts.map(forged), ...messages.flatMap((m) => cut(m, 9).map(forged))]) {
    for (const order of permutations([...parts, lie])) {
      const [proven] = addAll(stage(), order);
      expect(proven?.messages).toEqual(messages);
    }
  }
});

test('the signature finds the true one among the versions of the hello', () => {
  const other = { ...HELLO, body: Buffer.from(HELLO.body) };
  other.body.writeUInt8(other.body.readUInt8(other.body.length - 1) ^ 1, other.body.length - 1);
  const parts = clientFlight(HELLO, OWN, ecdsa).flatMap((message) => cut(message));
  const [proven] = addAll(stage([other, HELLO]), parts);
  expect(proven?.hello).toBe(HELLO);
  expect(addAll(stage([other]), parts)).toEqual([]);
});

test('nobody gets in without the key of the certificate, or without a certificate', () => {
  const messages = clientFlight(HELLO, OWN, { ...ecdsa, keyPem: rsa.keyPem, signature: 1 });
  const parts = messages.flatMap((message) => cut(message));
  expect(addAll(stage(), parts)).toEqual([]);
  const empty = { type: 11, message: 2, body: Buffer.alloc(3) };
  expect(addAll(stage(), [...cut(empty), ...parts.slice(1)])).toEqual([]);
});

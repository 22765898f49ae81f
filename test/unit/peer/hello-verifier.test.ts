import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { isUsableHello } from '../../../src/peer/client-hello.js';
import type { HandshakeFragment } from '../../../src/peer/dtls-records.js';
import { type HelloVerdict, HelloVerifier } from '../../../src/peer/hello-verifier.js';
import { clientHello, cut, forged, hello, nth, permutations } from '../../support/dtls-client.js';

const HERE = '10.0.0.1/5000';
const NONE = Buffer.alloc(0);

/** The cookie in the answer to a first hello. */
function cookieOf(verdict: HelloVerdict): Buffer {
  if (verdict.kind !== 'verify') throw new Error(`not an answer: ${verdict.kind}`);
  return verdict.reply.subarray(-20);
}

/** A client's two hellos, in parts as Chromium sends them. */
function client(verifier: HelloVerifier, random = randomBytes(32)) {
  const first = hello(NONE, 0, random);
  const cookie = cookieOf(verifier.judge(nth(cut(first), 0), HERE));
  const second = hello(cookie, 1, random);
  return { first: cut(first, 1150), second: cut(second, 1150), whole: second, cookie };
}

const kinds = (verifier: HelloVerifier, fragments: readonly HandshakeFragment[], from = HERE) =>
  fragments.map((fragment) => verifier.judge(fragment, from).kind);

test('the first part alone is answered, whatever becomes of the second', () => {
  for (const order of permutations(cut(hello(NONE, 0), 1150))) {
    const verifier = new HelloVerifier();
    expect(kinds(verifier, order).filter((kind) => kind !== 'wait')).toEqual(['verify']);
  }
});

test('a hello in small parts, cookie and all, is answered and accepted', () => {
  const verifier = new HelloVerifier();
  const random = randomBytes(32);
  const tiny = (body: HandshakeFragment) =>
    cut({ type: 1, message: body.message, body: body.bytes }, 20, 40, 300);
  const first = nth(cut(hello(NONE, 0, random)), 0);
  const answers = tiny(first).map((part) => verifier.judge(part, HERE));
  const cookie = cookieOf(nth(answers, -1));
  const second = nth(cut(hello(cookie, 1, random)), 0);
  expect(kinds(verifier, tiny(second)).at(-1)).toBe('accept');
});

test('the second hello is accepted once, in every order of its parts, and repeated after', () => {
  for (const order of permutations([0, 1])) {
    const verifier = new HelloVerifier();
    const { second, whole } = client(verifier);
    expect(
      kinds(
        verifier,
        order.map((i) => nth(second, i)),
      ),
    ).toEqual(['wait', 'accept']);
    expect(verifier.versions).toEqual([whole]);
    expect(kinds(verifier, second)).toEqual(['repeat', 'wait']);
  }
});

test('a part that is lost is replaced by the repetition', () => {
  for (const lost of [0, 1]) {
    const verifier = new HelloVerifier();
    const { second } = client(verifier);
    expect(kinds(verifier, [nth(second, 1 - lost)])).toEqual(['wait']);
    expect(kinds(verifier, second)).toContain('accept');
  }
});

test('a first hello that fits and a second that does not, and the other way round', () => {
  const verifier = new HelloVerifier();
  const random = randomBytes(32);
  const cookie = cookieOf(verifier.judge(nth(cut(hello(NONE, 0, random)), 0), HERE));
  expect(kinds(verifier, cut(hello(cookie, 1, random), 1200))).toEqual(['wait', 'accept']);
  const other = new HelloVerifier();
  const { cookie: given } = client(other, random);
  expect(kinds(other, cut(hello(given, 1, random)))).toEqual(['accept']);
});

test('ICE may choose another address between the two hellos', () => {
  const verifier = new HelloVerifier();
  const { second } = client(verifier);
  expect(kinds(verifier, second, '10.0.0.2/6000')).toEqual(['wait', 'accept']);
});

test('a late repetition of the first hello does not start over', () => {
  const verifier = new HelloVerifier();
  const { first, second } = client(verifier);
  kinds(verifier, second);
  expect(kinds(verifier, first)).toEqual(['wait', 'wait']);
});

test('a forged part leaves the true hello among the versions, whenever it comes', () => {
  for (const spoofed of [0, 1]) {
    for (const order of permutations([0, 1, 2])) {
      const verifier = new HelloVerifier();
      const { second, whole } = client(verifier);
      const parts = [...second, forged(nth(second, spoofed))];
      const verdicts = kinds(
        verifier,
        order.map((i) => nth(parts, i)),
      );
      expect(verdicts.filter((kind) => kind === 'accept')).toHaveLength(1);
      expect(verifier.versions).toContainEqual(whole);
    }
  }
});

test('nobody gets in without our cookie, or changes the accepted hello with it', () => {
  const verifier = new HelloVerifier();
  expect(kinds(verifier, cut(hello(randomBytes(20), 1)))).toEqual(['refuse']);
  expect(kinds(verifier, cut(hello(randomBytes(7), 1)))).toEqual(['refuse']);
  const { second, cookie } = client(verifier);
  kinds(verifier, second);
  expect(kinds(verifier, cut(hello(cookie, 1)))).toEqual(['refuse']);
  expect(verifier.versions).toHaveLength(1);
});

test('hellos that are malformed, or offer nothing that we have, are not usable', () => {
  const whole = clientHello(randomBytes(32), randomBytes(20), 40);
  expect(isUsableHello(whole)).toBe(true);
  for (let length = 0; length < whole.length; length++) {
    expect(isUsableHello(whole.subarray(0, length))).toBe(false);
  }
  expect(isUsableHello(Buffer.concat([whole, NONE, Buffer.from([0])]))).toBe(false);
  for (const [wanted, other] of [
    ['c02b', 'c0ff'],
    ['001d0017', '00180019'],
    ['0403', '0503'],
    ['00070001', '00080009'],
  ] as const) {
    const hex = whole.toString('hex').replace(wanted, other);
    expect(isUsableHello(Buffer.from(hex, 'hex')), wanted).toBe(false);
  }
});

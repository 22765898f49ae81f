/** Any offer is answered with an SDP that is whole, or refused with `bad_sdp`. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chromiumOffer, FRAGMENT } from '../../../scripts/fuzz/seeds/offer.js';
import { TesseraError } from '../../../src/errors.js';
import { writeAnswer } from '../../../src/peer/sdp-answer.js';
import { parseSdpFragment } from '../../../src/peer/sdp-fragment.js';
import { parseOffer } from '../../../src/peer/sdp-offer.js';

const LOCAL = {
  usernameFragment: 'abcd',
  password: 'abcdefghijklmnopqrstuv',
  fingerprint: new Array(32).fill('00').join(':'),
  candidates: [],
};
const STREAMS = { cname: 'c', audioSsrc: 1, videoSsrc: 2, videoRtxSsrc: 3 };
const OFFER = chromiumOffer().split('\r\n');

/** The offer with one line replaced by a cut, numbered or doubled one, or by any text. */
const changed = fc
  .record({
    at: fc.integer({ min: 0, max: OFFER.length - 1 }),
    cut: fc.integer({ min: 0, max: 60 }),
    text: fc.oneof(fc.string(), fc.integer().map(String)),
    how: fc.constantFrom('cut', 'value', 'double', 'leave out', 'any'),
  })
  .map(({ at, cut, text, how }) => {
    const line = OFFER[at] as string;
    const lines = {
      cut: [line.slice(0, cut)],
      value: [line.replace(/[:=].*/, `:${text}`)],
      double: [line, line],
      'leave out': [],
      any: [text],
    }[how] as string[];
    return [...OFFER.slice(0, at), ...lines, ...OFFER.slice(at + 1)].join('\r\n');
  });

test('a changed offer is answered, or refused', () => {
  fc.assert(
    fc.property(fc.oneof(changed, fc.string()), (sdp) => {
      let answer: string;
      try {
        const offer = parseOffer(sdp, ['vp8', 'h264']);
        answer = writeAnswer(offer, LOCAL, STREAMS, { dtx: true });
      } catch (error) {
        expect(error).toBeInstanceOf(TesseraError);
        expect((error as TesseraError).code).toBe('bad_sdp');
        return;
      }
      for (const line of answer.split('\r\n').slice(0, -1))
        expect(line).toMatch(/^[a-z]=[^\r\n]*$/);
      expect(answer.length).toBeLessThan(sdp.length * 4 + 16_384);
    }),
    { numRuns: 200 },
  );
});

test('any fragment is read, or refused', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 0, max: FRAGMENT.length }), (text, at) => {
      try {
        parseSdpFragment(FRAGMENT.slice(0, at) + text + FRAGMENT.slice(at));
      } catch (error) {
        expect((error as TesseraError).code).toBe('bad_sdp');
      }
    }),
  );
});

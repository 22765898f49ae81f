/** Messages of clients: any text is a message of the protocol, or refused with a code. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TesseraError } from '../../../src/errors.js';
import { MAX_JSON_DEPTH, MAX_MESSAGE_BYTES } from '../../../src/protocol/limits.js';
import { parseClientMessage, parseDataMessage } from '../../../src/signalling/parse-message.js';

function codeOf(parse: () => unknown): string {
  try {
    parse();
    return 'taken';
  } catch (error) {
    return error instanceof TesseraError ? error.code : `thrown: ${error}`;
  }
}

const TYPES = ['join', 'resume', 'offer', 'candidate', 'mute', 'receive', 'chat', 'message'];
const message = fc
  .tuple(fc.constantFrom(...TYPES), fc.dictionary(fc.string(), fc.jsonValue()))
  .map(([type, fields]) => JSON.stringify({ ...fields, type }));

describe.each([
  ['client', parseClientMessage],
  ['data', parseDataMessage],
] as const)('%s messages', (_, parse) => {
  test('any text is taken, or refused as no message', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), message), (text) => {
        expect(['taken', 'bad_message']).toContain(codeOf(() => parse(text)));
      }),
      { numRuns: 500 },
    );
  });

  test('chat is taken as it was sent', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 500 }), (text) => {
        const chat = { type: 'chat', text };
        expect(parse(JSON.stringify(chat))).toEqual(chat);
      }),
    );
  });

  test('what is nested too deeply, or too long, is refused', () => {
    const nested = (depth: number) =>
      `{"type":"message","topic":"a","data":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(codeOf(() => parse(nested(MAX_JSON_DEPTH - 1)))).toBe('taken');
    expect(codeOf(() => parse(nested(MAX_JSON_DEPTH)))).toBe('bad_message');
    expect(codeOf(() => parse(nested(30_000)))).toBe('bad_message');
    expect(codeOf(() => parse('['.repeat(MAX_MESSAGE_BYTES)))).toBe('bad_message');
    expect(codeOf(() => parse(' '.repeat(MAX_MESSAGE_BYTES + 1)))).toBe('message_too_large');
  });
});

import { expect, test } from 'vitest';
import { HTTP_STATUS, TesseraError } from '../../../src/errors.js';
import { ERROR_CODES } from '../../../src/protocol/error-codes.js';

test('every code has a name that stays, a meaning and an HTTP status', () => {
  expect(Object.keys(HTTP_STATUS).sort()).toEqual(Object.keys(ERROR_CODES).sort());
  for (const [code, meaning] of Object.entries(ERROR_CODES)) {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
  }
  for (const status of Object.values(HTTP_STATUS)) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
  }
});

test('what is thrown by others becomes an internal error with its cause', () => {
  const cause = new RangeError('too far');
  expect(TesseraError.from(cause)).toMatchObject({ code: 'internal', message: 'too far', cause });
  const own = new TesseraError('room_full', 'full', { next: 'Wait.', retryAfterSeconds: 3 });
  expect(TesseraError.from(own)).toBe(own);
});

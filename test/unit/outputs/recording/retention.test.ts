import { expect, test } from 'vitest';
import { expired } from '../../../../src/outputs/recording/retention.js';
import type { RecordingInfo } from '../../../../src/protocol/recording-info.js';

const recording = (id: string, endedAt: number, bytes: number, status = 'finished') =>
  ({ id, startedAt: endedAt, endedAt, bytes, status }) as RecordingInfo;

test('recordings that are too old expire, and the oldest beyond the size limit', () => {
  const all = [recording('a', 1000, 10), recording('b', 2000, 10), recording('c', 3000, 10)];
  expect(expired(all, { maxAgeMs: 0, maxBytes: 0 }, 1e6)).toEqual([]);
  expect(expired(all, { maxAgeMs: 1500, maxBytes: 0 }, 4000)).toEqual(['b', 'a']);
  expect(expired(all, { maxAgeMs: 0, maxBytes: 20 }, 4000)).toEqual(['a']);
  const running = recording('d', 4000, 100, 'recording');
  expect(expired([...all, running], { maxAgeMs: 1, maxBytes: 5 }, 9000)).not.toContain('d');
});

import { expect, test } from 'vitest';
import { SegmentList } from '../../../../src/outputs/recording/segment-list.js';

const T = 1_000_000_000;
const SECOND = 1_000_000;

test('the position follows the clock from the first media on', () => {
  const list = new SegmentList();
  expect(list.begin('1')).toBeUndefined();
  expect(list.positionAt(T)).toBe(0);
  list.started({ clock: T, file: 0 });
  expect(list.positionAt(T + 3 * SECOND)).toBe(3 * SECOND);
  expect(list.positionAt(T - SECOND)).toBe(0);
});

test('a pause stops the position, a resume continues it', () => {
  const list = new SegmentList();
  list.begin('1');
  list.started({ clock: T, file: 0 });
  list.paused(T + 2 * SECOND);
  expect(list.positionAt(T + 9 * SECOND)).toBe(2 * SECOND);
  list.started({ clock: T + 10 * SECOND, file: 2 * SECOND });
  expect(list.positionAt(T + 11 * SECOND)).toBe(3 * SECOND);
  expect(list.segments).toEqual([{ path: '1', offsetMicros: 0 }]);
});

test('a segment after a crash continues on the same clock', () => {
  const list = new SegmentList();
  list.begin('1');
  const anchor = { clock: T, file: 0 };
  list.started(anchor);
  list.written(4 * SECOND);
  expect(list.begin('2')).toEqual({ file: 4 * SECOND, anchor });
  list.started({ clock: T + 5 * SECOND, file: 5 * SECOND });
  // A resume does not move a segment.
  list.started({ clock: T + 9 * SECOND, file: 6 * SECOND });
  expect(list.segments).toEqual([
    { path: '1', offsetMicros: 0 },
    { path: '2', offsetMicros: 5 * SECOND },
  ]);
});

test('a segment that starts during a pause has no anchor', () => {
  const list = new SegmentList();
  list.begin('1');
  list.started({ clock: T, file: 0 });
  list.paused(T + SECOND);
  expect(list.begin('2')).toEqual({ file: SECOND });
  list.startedWhilePaused({ clock: T + 2 * SECOND, file: SECOND });
  expect(list.positionAt(T + 5 * SECOND)).toBe(SECOND);
});

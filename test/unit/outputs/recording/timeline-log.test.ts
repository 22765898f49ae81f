import { expect, test } from 'vitest';
import { chaptersOf, type TimelineEvent } from '../../../../src/outputs/recording/timeline-log.js';

test('chapters at screen shares, resumes and joins, at least ten seconds apart', () => {
  const person = { participant: 'p', identity: 'p', name: 'Ana', mic: true, camera: true };
  const events = [
    { at: 0, type: 'joined', ...person, screen: false },
    { at: 12_000, type: 'changed', ...person, screen: true },
    { at: 13_000, type: 'resumed' },
    { at: 40_000, type: 'changed', ...person, screen: true },
    { at: 50_000, type: 'changed', ...person, screen: false },
    { at: 70_000, type: 'resumed' },
  ] as unknown as TimelineEvent[];
  expect(
    chaptersOf(events, 'Room').map(({ title, startMicros }) => [startMicros / 1e6, title]),
  ).toEqual([
    [0, 'Room'],
    [12, 'Ana shares a screen'],
    [50, 'Ana ends sharing'],
    [70, 'Resumed'],
  ]);
});

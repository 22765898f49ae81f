import { expect, test } from 'vitest';
import { MEDIA_LIMIT, MediaWatchdog } from '../../../src/rooms/media-watchdog.js';

const on = (progress: number) => ({ expected: true, progress });
const off = { expected: false, progress: 0 };

test('what does not come within the limit is missing, until it comes', () => {
  const watchdog = new MediaWatchdog();
  const look = (video: number, now: number) =>
    watchdog.look({ audio: on(now > 0 ? 5 : 0), video: on(video), mix: off }, now);
  expect(look(0, 0)).toBeUndefined();
  expect(look(0, MEDIA_LIMIT - 1)).toBeUndefined();
  expect(look(0, MEDIA_LIMIT)).toEqual(['video']);
  expect(watchdog.missing).toEqual(['video']);
  expect(look(0, 2 * MEDIA_LIMIT)).toBeUndefined();
  expect(look(1, 2 * MEDIA_LIMIT + 1)).toEqual([]);
  expect(watchdog.missing).toEqual([]);
  expect(watchdog.counters).toMatchObject({ media_missing_audio: 0, media_missing_video: 1 });
});

test('media that has come once may stop: that is a freeze, and has its own name', () => {
  const watchdog = new MediaWatchdog();
  const look = (now: number) =>
    watchdog.look({ audio: off, video: on(now === 0 ? 0 : 9), mix: off }, now);
  for (let now = 0; now < 10 * MEDIA_LIMIT; now += MEDIA_LIMIT / 2) {
    expect(look(now)).toBeUndefined();
  }
});

test('switched off it is not missing; switched on it has the whole time again', () => {
  const watchdog = new MediaWatchdog();
  const look = (camera: typeof off, now: number) =>
    watchdog.look({ audio: off, video: camera, mix: off }, now);
  look(on(7), 0);
  expect(look(on(7), MEDIA_LIMIT)).toEqual(['video']);
  expect(look(off, MEDIA_LIMIT + 1)).toEqual([]);
  expect(look(on(7), MEDIA_LIMIT + 2)).toBeUndefined();
  expect(look(on(7), 2 * MEDIA_LIMIT + 1)).toBeUndefined();
  expect(look(on(7), 2 * MEDIA_LIMIT + 2)).toEqual(['video']);
});
